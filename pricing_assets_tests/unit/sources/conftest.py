from servers import server_url, url
from sources_reading import delivered, file
from sources_shop import folder, settings, shop

__all__ = ["delivered", "file", "folder", "server_url", "settings", "shop", "url"]
