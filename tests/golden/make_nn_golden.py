"""Golden numbers for src/nn from PyTorch: forward, backward and 100 Adam steps of a double-DQN regression.

Writes tests/golden/nn/double_dqn.json, which tests/nn/golden_test.cpp reads; nothing else needs PyTorch. To write it anew:

    python tests/golden/make_nn_golden.py

Two small networks, with and without LayerNorm. Step t trains on transitions (8 t + i) mod 32, i < 8: argmax of the online
network over the legal actions of s', value of the target network there, Huber loss with threshold 1 averaged over the batch,
clipping by global norm 0.5, Adam at a learning rate of 0.002. The target network is copied after steps 5, 10, 15, ...
"""

import json
import pathlib

import torch
from torch import nn

INPUTS, HIDDEN, OUTPUTS = 5, (16, 12), 4
TRANSITIONS, BATCH = 32, 8
DISCOUNT, LEARNING_RATE, LIMIT, COPY_EVERY = 0.9, 0.002, 0.5, 5


class Network(nn.Module):
    def __init__(self, layer_norm):
        super().__init__()
        widths = (INPUTS, *HIDDEN)
        self.layers = nn.ModuleList()
        for inputs, outputs in zip(widths, widths[1:]):
            layer = nn.Module()
            layer.linear = nn.Linear(inputs, outputs)
            layer.norm = nn.LayerNorm(outputs) if layer_norm else nn.Identity()
            self.layers.append(layer)
        self.head = nn.Linear(widths[-1], OUTPUTS)

    def forward(self, x):
        for layer in self.layers:
            x = torch.relu(layer.norm(layer.linear(x)))
        return self.head(x)


def flat(tensor):
    return [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]


def blocks(network, of=lambda parameter: parameter):
    return {name.replace(".linear.", "."): flat(of(parameter)) for name, parameter in network.named_parameters()}


def make_case(layer_norm):
    torch.manual_seed(20 + layer_norm)
    online, target = Network(layer_norm), Network(layer_norm)
    with torch.no_grad():  # biases, gains and shifts off their initial values
        for parameter in online.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    target.load_state_dict(online.state_dict())
    state, next_state = torch.randn(TRANSITIONS, INPUTS), torch.randn(TRANSITIONS, INPUTS)
    action = torch.randint(OUTPUTS, (TRANSITIONS,))
    legal = torch.rand(TRANSITIONS, OUTPUTS) < 0.5
    legal[:, 0] = True
    reward, goes_on = 2 * torch.randn(TRANSITIONS), (torch.rand(TRANSITIONS) < 0.8).float()

    case = {
        "layer_norm": layer_norm,
        "initial": blocks(online),
        "state": flat(state),
        "next_state": flat(next_state),
        "action": action.tolist(),
        "legal": legal.int().flatten().tolist(),
        "reward": flat(reward),
        "goes_on": flat(goes_on),
        "outputs": flat(online(state)),
        "losses": [],
        "norms": [],
        "after": {},
    }
    optimiser = torch.optim.Adam(online.parameters(), lr=LEARNING_RATE)
    for step in range(100):
        rows = torch.tensor([(BATCH * step + i) % TRANSITIONS for i in range(BATCH)])
        with torch.no_grad():
            best = online(next_state[rows]).masked_fill(~legal[rows], -torch.inf).argmax(1, keepdim=True)
            goal = reward[rows] + DISCOUNT * goes_on[rows] * target(next_state[rows]).gather(1, best).squeeze(1)
        value = online(state[rows]).gather(1, action[rows].unsqueeze(1)).squeeze(1)
        loss = nn.functional.huber_loss(value, goal, delta=1.0)
        optimiser.zero_grad()
        loss.backward()
        if step == 0:
            case["gradient"] = blocks(online, lambda parameter: parameter.grad)
        case["losses"].append(float(f"{loss.item():.9g}"))
        norm = nn.utils.clip_grad_norm_(online.parameters(), LIMIT)
        case["norms"].append(float(f"{norm.item():.9g}"))
        optimiser.step()
        if (step + 1) % COPY_EVERY == 0:
            target.load_state_dict(online.state_dict())
        if step + 1 in (1, 10, 100):
            case["after"][str(step + 1)] = blocks(online)
    return case


def main():
    torch.set_num_threads(1)
    golden = {
        "made_by": f"tests/golden/make_nn_golden.py with PyTorch {torch.__version__.split('+')[0]}",
        "inputs": INPUTS,
        "hidden": list(HIDDEN),
        "outputs": OUTPUTS,
        "batch": BATCH,
        "discount": DISCOUNT,
        "learning_rate": LEARNING_RATE,
        "limit": LIMIT,
        "copy_every": COPY_EVERY,
        "cases": [make_case(False), make_case(True)],
    }
    path = pathlib.Path(__file__).parent / "nn" / "double_dqn.json"
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(golden, indent=0, separators=(",", ":"))
    path.write_text(text.replace(",\n", ",").replace("[\n", "[").replace("\n]", "]").replace(',"', ',\n"') + "\n")


main()
