from servers import url
from simulation_markets import kept, market

__all__ = ["kept", "market", "url"]
