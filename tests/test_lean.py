"""What the course keeps PyTorch from importing is missed by nobody."""

import subprocess
import sys

TRAINED = """
import course_utils, sys
from course_utils import data, models, training
import torch
images, labels = torch.rand(40, 1, 28, 28), torch.arange(40) % 10
training.fit(models.mlp(), images, labels, epochs=1, show=False)
training.fit_many([models.mlp(seed=0)], images, labels[None], torch.arange(40)[None], epochs=1)
torch.optim.Adam([torch.zeros(1)]).state_dict()
assert "torch._dynamo" not in sys.modules, "a training imports PyTorch's compiler: 70 MB"
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
def train():
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(5))
    optimizer = torch.optim.Adam([weight], lr=0.1, weight_decay=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        (weight**3).sum().backward()
        optimizer.step()
    return weight.detach()
before = train()
from course_utils import lean
assert torch.equal(train(), before)
"""


def run(code):
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_training_imports_no_compiler_and_one_works_where_it_is_wanted():
    run(TRAINED + COMPILED)


def test_adam_steps_as_before():
    run(SAME)
