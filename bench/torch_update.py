"""One double-DQN update in PyTorch eager, timed: the yardstick for `regulus bench`.

The network 122-512-256-128-201, one thread, written the natural way: masked argmax of the online network on s', the target
network's value there, the taken action's value on s, smooth L1, clipping by global norm 10, Adam. Prints one JSON line with
the median milliseconds of an update for each batch size. Needs PyTorch, which nothing else here does:

    python bench/torch_update.py [seconds per batch size]
"""

import json
import statistics
import sys
import time

import torch
from torch import nn

INPUTS, HIDDEN, OUTPUTS = 122, (512, 256, 128), 201
GAMMA = 0.95


def network():
    widths = (INPUTS, *HIDDEN)
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], OUTPUTS))


def median_update_ms(batch, seconds):
    torch.manual_seed(1)
    online, target = network(), network()
    target.load_state_dict(online.state_dict())
    optimiser = torch.optim.Adam(online.parameters(), lr=1e-4)
    state, next_state = torch.randn(batch, INPUTS), torch.randn(batch, INPUTS)
    action = torch.randint(OUTPUTS, (batch, 1))
    legal = torch.rand(batch, OUTPUTS) < 0.3
    legal[:, -1] = True
    reward, goes_on = torch.randn(batch), (torch.rand(batch) < 0.98).float()

    def update():
        with torch.no_grad():
            best = online(next_state).masked_fill(~legal, -torch.inf).argmax(1, keepdim=True)
            goal = reward + GAMMA * goes_on * target(next_state).gather(1, best).squeeze(1)
        value = online(state).gather(1, action).squeeze(1)
        loss = nn.functional.smooth_l1_loss(value, goal)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(online.parameters(), 10.0)
        optimiser.step()

    for _ in range(20):
        update()
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        update()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    torch.set_num_threads(1)
    update_ms = {str(batch): round(median_update_ms(batch, seconds), 4) for batch in (32, 64, 128, 256)}
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(), "update_ms": update_ms}))


main()
