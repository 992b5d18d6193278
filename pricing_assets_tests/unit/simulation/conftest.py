from servers import mariadb, postgres, url
from simulation_markets import kept, market

__all__ = ["kept", "mariadb", "market", "postgres", "url"]
