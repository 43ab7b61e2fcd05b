// Numbers that PyTorch computed once (tests/golden/make_nn_golden.py), followed step by step.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "core/files.h"
#include "core/json.h"
#include "nn/network.h"
#include "nn/training.h"

namespace regulus::nn {
namespace {

Json const& golden() {
  static Json const document = [] {
    auto const text = read_file(std::filesystem::path(REGULUS_SOURCE_DIR) / "tests/golden/nn/double_dqn.json");
    return parse_json(text.value()).take();
  }();
  return document;
}

std::vector<float> floats(Json const& list) {
  std::vector<float> values;
  for (Json const& v : list.as_array()) values.push_back(static_cast<float>(v.as_number()));
  return values;
}

Shape shape_of(Json const& test_case) {
  Shape shape{.inputs = static_cast<int>(golden().find("inputs")->as_integer()),
              .hidden = {},
              .outputs = static_cast<int>(golden().find("outputs")->as_integer()),
              .layer_norm = test_case.find("layer_norm")->as_bool()};
  for (Json const& width : golden().find("hidden")->as_array())
    shape.hidden.push_back(static_cast<int>(width.as_integer()));
  return shape;
}

// The blocks of a case by name; every name of the file must be one of ours and the other way round.
std::vector<float> by_block(Network const& network, Json const& blocks) {
  std::vector<float> all;
  EXPECT_EQ(network.blocks().size(), blocks.as_object().size());
  for (Block const& block : network.blocks()) {
    Json const* values = blocks.find(block.name);
    if (values == nullptr) {
      ADD_FAILURE() << "no block " << block.name;
      return {};
    }
    std::vector<float> const some = floats(*values);
    EXPECT_EQ(some.size(), block.size()) << block.name;
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

// To the tolerance times the size of the number, or of 1 where it is smaller.
void expect_close(std::span<float const> actual, std::span<float const> expected, double tolerance,
                  std::string const& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance * std::max(1.0F, std::abs(expected[i]))) << what << ", entry " << i;
  }
}

struct Transitions {
  explicit Transitions(Json const& test_case)
      : state(floats(*test_case.find("state"))),
        next_state(floats(*test_case.find("next_state"))),
        reward(floats(*test_case.find("reward"))),
        goes_on(floats(*test_case.find("goes_on"))) {
    for (Json const& a : test_case.find("action")->as_array()) action.push_back(static_cast<int>(a.as_integer()));
    for (Json const& l : test_case.find("legal")->as_array()) legal.push_back(l.as_integer() != 0);
  }
  std::vector<float> state, next_state, reward, goes_on;
  std::vector<int> action;
  std::vector<bool> legal;
};

struct Update {
  double loss = 0, norm = 0;
  std::vector<float> gradient;  // before clipping
};

// One double-DQN update on `batch` transitions from `first` on.
Update update(Network& online, Network const& target, Adam& adam, Transitions const& data, std::size_t first,
              int batch) {
  auto const n = static_cast<std::size_t>(batch);
  auto const inputs = static_cast<std::size_t>(online.shape().inputs);
  int const outputs = online.shape().outputs;
  MatrixView const state{data.state.data() + first * inputs, batch, online.shape().inputs};
  MatrixView const next_state{data.next_state.data() + first * inputs, batch, online.shape().inputs};
  Tape tape;
  Matrix values;
  std::vector<int> best(n);
  std::vector<float> best_value(n), value(n), d(n);
  online.head(online.body(next_state, tape), values);
  for (int r = 0; r < batch; ++r) {
    best[r] = -1;
    for (int a = 0; a < outputs; ++a) {
      bool const legal = data.legal[(first + static_cast<std::size_t>(r)) * static_cast<std::size_t>(outputs) + a];
      if (legal && (best[r] < 0 || values.row(r)[a] > values.row(r)[best[r]])) best[r] = a;
    }
  }
  target.head_at(target.body(next_state, tape), best, best_value);
  Rng rng(1);
  std::span const action = std::span(data.action).subspan(first, n);
  online.head_at(online.body_for_training(state, tape, rng), action, value);
  Update result;
  auto const discount = static_cast<float>(golden().find("discount")->as_number());
  for (std::size_t r = 0; r < n; ++r) {
    float const goal = data.reward[first + r] + discount * data.goes_on[first + r] * best_value[r];
    LossValue const loss = huber(value[r] - goal, 1.0F);
    result.loss += loss.loss / static_cast<double>(n);
    d[r] = loss.derivative / static_cast<float>(n);
  }
  std::vector<float> gradient(online.parameters().size(), 0.0F);
  online.backward_at(tape, action, d, gradient);
  result.gradient = gradient;
  result.norm = clip_norm(gradient, golden().find("limit")->as_number());
  adam.step(online.parameters(), gradient, static_cast<float>(golden().find("learning_rate")->as_number()));
  return result;
}

TEST(Golden, outputs_are_those_of_pytorch) {
  for (Json const& test_case : golden().find("cases")->as_array()) {
    Network network(shape_of(test_case), Rng(1));
    std::ranges::copy(by_block(network, *test_case.find("initial")), network.parameters().begin());
    std::vector<float> const state = floats(*test_case.find("state"));
    int const rows = static_cast<int>(state.size()) / network.shape().inputs;
    Tape tape;
    Matrix outputs;
    network.head(network.body({state.data(), rows, network.shape().inputs}, tape), outputs);
    expect_close({outputs.data(), outputs.size()}, floats(*test_case.find("outputs")), 1e-6, "outputs");
  }
}

TEST(Golden, a_hundred_double_dqn_updates_follow_those_of_pytorch) {
  auto const batch = static_cast<int>(golden().find("batch")->as_integer());
  for (Json const& test_case : golden().find("cases")->as_array()) {
    SCOPED_TRACE(test_case.find("layer_norm")->as_bool() ? "with LayerNorm" : "without LayerNorm");
    Network online(shape_of(test_case), Rng(1));
    std::ranges::copy(by_block(online, *test_case.find("initial")), online.parameters().begin());
    Network target = online;
    Adam adam(online.parameters().size(), {});
    Transitions const data(test_case);
    for (int step = 0; step < 100; ++step) {
      double const tolerance = step < 1 ? 1e-6 : step < 10 ? 1e-5 : 1e-4;
      auto const first = static_cast<std::size_t>(step * batch) % data.reward.size();
      Update const done = update(online, target, adam, data, first, batch);
      EXPECT_NEAR(done.loss, test_case.find("losses")->as_array()[step].as_number(), tolerance) << "step " << step;
      EXPECT_NEAR(done.norm, test_case.find("norms")->as_array()[step].as_number(), 10 * tolerance) << "step " << step;
      if (step == 0) expect_close(done.gradient, by_block(online, *test_case.find("gradient")), 1e-6, "gradient");
      if ((step + 1) % golden().find("copy_every")->as_integer() == 0) target = online;
      if (Json const* after = test_case.find("after")->find(std::to_string(step + 1))) {
        expect_close(online.parameters(), by_block(online, *after), tolerance, "step " + std::to_string(step + 1));
      }
    }
  }
}

}  // namespace
}  // namespace regulus::nn
