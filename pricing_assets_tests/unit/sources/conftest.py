from servers import mariadb, postgres, server_url, url
from sources_shop import folder, settings, shop

__all__ = ["folder", "mariadb", "postgres", "server_url", "settings", "shop", "url"]
