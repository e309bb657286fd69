"""Computes on InfiniCore's CPU device and holds the results against NumPy's."""

import infinicore
import numpy
import torch

generator = numpy.random.default_rng(4)
left = generator.standard_normal((37, 64), dtype=numpy.float32)
right = generator.standard_normal((64, 29), dtype=numpy.float32)
other = generator.standard_normal((37, 64), dtype=numpy.float32)

compared = 0


def compare(name, expected, compute):
    global compared
    result = torch.full(expected.shape, float("nan"), dtype=torch.float32)
    compute(infinicore.from_torch(result))
    found = result.numpy()
    if not numpy.allclose(found, expected, rtol=1e-4, atol=1e-4):
        worst = float(numpy.nanmax(numpy.abs(found - expected)))
        raise SystemExit(f"{name}: InfiniCore and NumPy differ by up to {worst}; InfiniCore says {found.ravel()[:4]}")
    compared += found.size


tensors = {name: torch.from_numpy(array) for name, array in [("l", left), ("r", right), ("o", other)]}
infini = {name: infinicore.from_torch(tensor) for name, tensor in tensors.items()}

compare("matmul", left @ right, lambda out: infinicore.matmul(infini["l"], infini["r"], out=out))
compare("add", left + other, lambda out: infinicore.add(infini["l"], infini["o"], out=out))
compare("mul", left * other, lambda out: infinicore.mul(infini["l"], infini["o"], out=out))
print(f"{compared} results, every number the same as with NumPy")
