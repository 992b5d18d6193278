from sources_shop import folder, settings, shop

__all__ = ["folder", "settings", "shop"]
