from ..lib import _infinilm

twice = _infinilm.twice
