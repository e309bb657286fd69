from infinicore.lib import _infinicore
from infinicore.ops.add import add

versions = _infinicore.versions
__all__ = ["add", "versions"]
