"""PostgreSQL's frontend/backend protocol 3.x as bytes: where messages end, what is in them, how to write them.

``framing`` finds the ends of messages in a chunk of the stream (the hot loop; compiled when installed).
``startup`` reads what comes before the first typed message, ``proxy_protocol`` what a balancer says in front of it.
``authentication`` holds the messages of a sign-in, ``scram`` what is inside those of SCRAM-SHA-256.
``frontend`` holds the messages a client sends, ``backend`` those a server sends, named exactly as in the manual
(chapter 55.7, "Message Formats"). Nothing here keeps state, does I/O or knows SQL. What breaks the protocol
raises ``ProtocolViolation`` with the side that broke it.
"""
