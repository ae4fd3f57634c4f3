"""Muon (Keller Jordan, 2024): momentum of a matrix, made orthogonal, so that all its directions are learnt at one speed; AdamW for all that is no
matrix. A network as small as this one learns with it in half the steps."""
import math

import torch


def orthogonal(matrices, steps=4):
    """Newton-Schulz iteration of matrices [k, rows, columns]: singular values come near 1."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    is_tall = x.shape[1] > x.shape[2]
    x = x.transpose(1, 2) if is_tall else x
    for _ in range(steps):
        square = x @ x.transpose(1, 2)
        x = a * x + (b * square + c * square @ square) @ x
    return x.transpose(1, 2) if is_tall else x


class Muon(torch.optim.Optimizer):
    """For matrices only. The size of a step is that of AdamW at the same rate, times 1.75."""

    def __init__(self, matrices, lr, momentum=0.95, weight_decay=0.02):
        super().__init__(matrices, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            by_shape = {}
            for p in group["params"]:
                if p.grad is not None:
                    by_shape.setdefault(p.shape, []).append(p)
            for shape, together in by_shape.items():
                updates = []
                for p in together:
                    average = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    average.lerp_(p.grad, 1 - group["momentum"])
                    updates.append(torch.lerp(p.grad, average, group["momentum"]))
                size = 1.75 * 0.2 * math.sqrt(max(shape))
                for p, update in zip(together, orthogonal(torch.stack(updates).float())):
                    p.mul_(1 - group["weight_decay"] * group["lr"]).add_(update, alpha=-size * group["lr"])
