from infinicore.lib import _infinicore


def add(left, right):
    return _infinicore.add(left, right)
