"""Many small networks of one layout as one: a step of all of them is one call of PyTorch and not many."""

import copy
from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from course_utils import require
from course_utils.models import chosen_device


class Stack(nn.Module):
    """Networks whose weights stand in one tensor for each layer; the first axis goes over the networks.

    Args:
        networks: M networks that differ in nothing but their weights, without BatchNorm: of all else the first one's
            counts for all. They stay as they are until `unpack`.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        check_alike(networks)
        super().__init__()
        device = chosen_device()
        self.networks, self.layout = networks, copy.deepcopy(networks[0]).to(device)
        self.weights = {
            name: torch.stack([network.get_parameter(name).detach().to(device) for network in networks])
            .requires_grad_(weight.requires_grad)
            for name, weight in networks[0].named_parameters()
        }  # fmt: skip

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """The weights of all networks, [M, …] each."""
        return iter(self.weights.values())  # type: ignore[arg-type]  # tensors, of which PyTorch asks no more

    def forward(self, images: Tensor, each: int | None = 0) -> Tensor:
        """Logits [M, B, K]; images [M, B, …], or [B, …] for all networks with `each=None`."""
        run = vmap(partial(functional_call, self.layout), in_dims=(0, each), randomness="different")
        return run(self.weights, images)

    def unpack(self) -> None:
        """Give each network its own weights back."""
        with torch.no_grad():
            for name, stacked in self.weights.items():
                for network, weight in zip(self.networks, stacked):
                    network.get_parameter(name).copy_(weight)


def check_alike(networks: Sequence[nn.Module], name: str = "networks") -> None:
    """Name what cannot be stacked."""
    if not isinstance(networks, Sequence) or isinstance(networks, nn.Module) or len(networks) == 0:
        raise ValueError(f"{name} must be a list of networks, at least one, got {require.what(networks)}")
    for network in networks:
        require.network(network, name)
    if any(True for _ in networks[0].buffers()):
        raise ValueError(f"{name} must have no buffers to be stacked, got some (BatchNorm's running averages are such)")
    layouts = [(repr(m), [(n, w.shape, w.requires_grad) for n, w in m.named_parameters()]) for m in networks]
    if any(layout != layouts[0] for layout in layouts):
        raise ValueError(f"{name} must differ in nothing but their weights, got different layouts")
    weights = [id(weight) for network in networks for weight in network.parameters()]
    if len(set(weights)) < len(weights):
        raise ValueError(f"{name} must not share weights, got some that do, or one network twice")
