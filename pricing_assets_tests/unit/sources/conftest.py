from servers import server_url, url
from sources_shop import folder, settings, shop

__all__ = ["folder", "server_url", "settings", "shop", "url"]
