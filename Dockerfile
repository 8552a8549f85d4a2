# Built where a C compiler is, so that the hot modules are compiled; run where none is.
FROM python:3.13-slim AS build
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml setup.py README.md LICENSE ./
COPY pgguard pgguard
COPY policies policies
RUN python -m venv /opt/pgguard && /opt/pgguard/bin/pip install --no-cache-dir .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/pgguard --create-home --shell /usr/sbin/nologin pgguard
COPY --from=build /opt/pgguard /opt/pgguard
COPY policies /etc/pgguard/policies
ENV PATH=/opt/pgguard/bin:$PATH PYTHONUNBUFFERED=1
# The state, the token key and the audit file are all that must outlive the container.
VOLUME /var/lib/pgguard
WORKDIR /var/lib/pgguard
USER pgguard
EXPOSE 6432
ENTRYPOINT ["pgguard"]
CMD ["serve", "--help"]
