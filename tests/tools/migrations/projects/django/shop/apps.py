"""The application."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Its tables have the names that the other tools' have."""

    name = "shop"
