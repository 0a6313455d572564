"""What the course keeps PyTorch from importing is missed by nobody."""

import subprocess
import sys

TRAINED = """
import course_utils, sys
from course_utils import data, models, selecmix, training
import torch
images, labels = torch.rand(40, 1, 28, 28), torch.arange(40) % 10
training.fit(models.mlp(), images, labels, epochs=1, show=False)
training.fit_many([models.mlp(seed=0)], images, labels[None], torch.arange(40)[None], epochs=1)
torch.optim.Adam([torch.zeros(1)]).state_dict()
for kind in (torch.optim.SGD, torch.optim.AdamW):
    weight = torch.ones(1, requires_grad=True)
    weight.sum().backward()
    kind([weight], lr=0.5).step()
    assert weight.item() < 1
assert "torch._dynamo" not in sys.modules, "a training imports PyTorch's compiler: 70 MB"
before, every = set(sys.modules), torch.arange(40)
selecmix.contradicts(every % 10, every % 3, every, every[:, None], "positive")
assert "sympy" not in sys.modules.keys() - before, "a comparison of shapes imports sympy: 35 MB"
"""
COMPILED = """
net = models.mlp()
optimizer = torch.optim.Adam(net.parameters())

@torch.compile(backend="eager")
def step():
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(net(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()

losses = [step() for _ in range(5)]
assert losses == sorted(losses, reverse=True), losses
"""
SAME = """
import torch
def train(kind):
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(5))
    optimizer = kind([weight], lr=0.1, weight_decay=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        (weight**3).sum().backward()
        optimizer.step()
    return weight.detach()
kinds = torch.optim.Adam, torch.optim.SGD, torch.optim.AdamW
before = [train(kind) for kind in kinds]
from course_utils import lean
assert all(torch.equal(train(kind), weight) for kind, weight in zip(kinds, before))
"""


def run(code):
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_training_imports_no_compiler_and_one_works_where_it_is_wanted():
    run(TRAINED + COMPILED)


def test_optimizers_step_as_before():
    run(SAME)
