#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "app/command.h"
#include "core/seeds.h"
#include "lab/model.h"
#include "lab/training_run.h"
#include "rl/decisions.h"
#include "rl/q_network_onnx.h"

namespace regulus::app {

Run add_export(Flags& flags);

namespace {

struct State {
  std::string model, output, states_output;
  int states = 0;
  std::uint64_t seed = seed_range(Role::test).first;
};

// What is exported of a model, whatever world it was trained in. Another kind of model is one more branch of
// open_model.
struct Exportable {
  rl::QNetwork network;
  std::map<std::string, std::string> metadata;
  std::unique_ptr<rl::Environment> environment;  // where it plays
};

Result<Exportable> open_model(std::string const& path) {
  Result<lab::Model> model = lab::load_model(path);
  if (!model) return model.error();
  return Exportable{.network = model->network,
                    .metadata = lab::metadata_of(*model),
                    .environment = lab::make_environment(model->config)};
}

bool same_file(std::string const& a, std::string const& b) {
  // A file that does not exist yet is resolved as far as it does, and only when its path is absolute.
  auto const resolved = [](std::string const& path) {
    std::error_code problem;
    return std::filesystem::weakly_canonical(std::filesystem::absolute(path, problem), problem);
  };
  return resolved(a) == resolved(b);
}

// Where everything goes. The model itself is never overwritten.
Status complete(State& state) {
  std::filesystem::path const model = state.model;
  if (state.output.empty()) state.output = std::filesystem::path(model).replace_extension(".onnx").string();
  if (!state.states_output.empty() && state.states == 0)
    return invalid("--states-output needs --states N: how many states to write");
  if (state.states > 0 && state.states_output.empty())
    state.states_output = std::filesystem::path(state.output).replace_extension(".states.safetensors").string();
  if (same_file(state.output, state.model))
    return invalid(fmt::format("--output = {}: that is the model itself; name another file", state.output));
  if (state.states == 0) return ok();
  for (std::string const& taken : {state.model, state.output}) {
    if (same_file(state.states_output, taken))
      return invalid(fmt::format("--states-output = {}: that is {}; name another file", state.states_output,
                                 taken == state.model ? "the model itself" : "where the network goes"));
  }
  return ok();
}

Json names_of(std::vector<nn::onnx::Value> const& values) {
  Json names = Json::array();
  for (nn::onnx::Value const& value : values) names.push_back(value.name);
  return names;
}

Status export_model(State state, Common const& common) {
  if (Status completed = complete(state); !completed) return completed;
  Result<Exportable> model = open_model(state.model);
  if (!model) return model.error();

  nn::onnx::Graph graph = rl::onnx_graph(model->network);
  graph.producer_version = REGULUS_VERSION;
  graph.metadata = model->metadata;
  std::optional<nn::ModelFile> states;
  if (state.states > 0) {
    states = rl::decisions_file(
        rl::greedy_decisions(model->network, *model->environment, state.seed, static_cast<std::size_t>(state.states)));
  }

  if (Status written = nn::onnx::write(state.output, graph); !written) return written;
  Json json = Json::object({{"model", state.model},
                            {"output", state.output},
                            {"architecture", model->network.architecture()},
                            {"operator_set", nn::onnx::operator_set},
                            {"inputs", names_of(graph.inputs)},
                            {"outputs", names_of(graph.outputs)}});
  std::string text = fmt::format("{} ({}) as ONNX in {}", state.model, graph.name, state.output);
  if (states) {
    if (Status written = nn::write_model(state.states_output, *states); !written) return written;
    json["states"] = Json::object({{"output", state.states_output}, {"count", state.states}, {"seed", state.seed}});
    text += fmt::format("\n  {} states with its choices in {}", state.states, state.states_output);
  }
  return print_result(common, json, text);
}

}  // namespace

Run add_export(Flags& flags) {
  auto state = std::make_shared<State>();
  flags.add("file", state->model, "Model file")->required()->shown_as("MODEL");
  flags.add("--output", state->output, "Where the network goes; without it, beside the model, as .onnx")
      ->shown_as("FILE.onnx");
  flags
      .add("--states", state->states,
           "Play this many decisions, and write what the model saw, its values and its choices")
      ->between(1, 100'000);
  flags
      .add("--states-output", state->states_output,
           "Where these go; without it, beside the network, as .states.safetensors")
      ->shown_as("FILE");
  add_seed(flags, state->seed, "Seed of the first day that is played for --states");
  flags.footer(
      "The graph of a pairs model reads rows [choices, width], one row of features for each choice, and, if the model "
      "is\n"
      "residual, baseline [choices], the known part of their values in points. Its outputs are values [choices], "
      "scaled\n"
      "as in training, and choice, the row of the highest value.\n"
      "That of a slots model reads observation [states, width] and legal [states, actions]; its outputs are values\n"
      "[states, actions], minus infinity where illegal, and choice [states].\n"
      "What the features mean is named by the metadata entry schema; reward_scale turns values into points.\n\n"
      "The file of states is a safetensors file of floats: the graph's inputs and outputs under their names, all "
      "states\n"
      "one below the other; for pairs, rows_of_state says how many rows each state has.\n\n"
      "Examples:\n"
      "  regulus export data/rl/models/dqn_best.safetensors\n"
      "  regulus export data/rl/models/dqn_best.safetensors --output agent.onnx --json\n"
      "  regulus export data/rl/models/dqn_best.safetensors --states 10000 --states-output states.safetensors");
  return [state](Common const& common) { return export_model(*state, common); };
}

}  // namespace regulus::app
