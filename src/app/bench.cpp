#include <fmt/format.h>

#include "app/bench_dispatch.h"
#include "app/bench_insertion.h"
#include "app/command.h"
#include "lab/signature.h"
#include "nn/bench.h"
#include "tune/bench.h"

namespace regulus::app {

Run add_bench(Flags& flags);
Run add_bench(Flags& flags) {
  struct State {
    bool signature_only = false;
    double seconds = 10;
    std::uint64_t seed = 0;
  };
  auto state = std::make_shared<State>();
  flags.add_switch("--signature", state->signature_only, "Print only the signature of behaviour");
  flags.add("--seconds", state->seconds, "Time for the network benchmark")->between(1.0, 3600.0)->shows_default();
  add_seed(flags, state->seed, "Accepted by every command; the benchmark's seeds are fixed");
  flags.footer("Examples:\n  regulus bench --json\n  regulus bench --signature");
  Flags* const darp = flags.add_subcommand("darp", "Solve dial-a-ride instances and compare with the best known");
  Flags* const pdptw = flags.add_subcommand("pdptw", "The same for pickups and deliveries of Li and Lim");
  Flags* const insertion = flags.add_subcommand("insertion", "Time one more booking in a large fleet's plans");
  Flags* const explain = flags.add_subcommand("explain", "Time the explanations of whole days");
  Flags* const serve = flags.add_subcommand("serve", "Load the server from outside and time its answers");
  Flags* const slow =
      flags.add_subcommand("slow-clients", "Hold thousands of unfinished requests open and time the honest ones");
  Flags* const timing = flags.add_subcommand("token-timing", "Look for what the time of a guessed token tells");
  Flags* const decision = flags.add_subcommand("decision", "Time the learned dispatcher's decisions without search");
  Run const run_insertion = add_bench_insertion(*insertion), run_explain = add_bench_explain(*explain);
  Run const run_decision = add_bench_decision(*decision), run_serve = add_bench_serve(*serve);
  Run const run_slow = add_bench_slow_clients(*slow), run_timing = add_bench_token_timing(*timing);
  Run const run_darp = add_bench_darp(*darp), run_pdptw = add_bench_pdptw(*pdptw);
  return [=](Common const& common) -> Status {
    if (darp->parsed()) return run_darp(common);
    if (pdptw->parsed()) return run_pdptw(common);
    if (insertion->parsed()) return run_insertion(common);
    if (explain->parsed()) return run_explain(common);
    if (serve->parsed()) return run_serve(common);
    if (slow->parsed()) return run_slow(common);
    if (timing->parsed()) return run_timing(common);
    if (decision->parsed()) return run_decision(common);
    std::string const signature = lab::behaviour_signature();
    if (state->signature_only) {
      return print_result(common, Json::object({{"signature", signature}}), signature);
    }
    double const steps = lab::classic_steps_per_second();
    nn::Benchmark const b = nn::run_benchmark(state->seconds);
    double const proposal_ms = tune::sampler_ms(1000, 10);
    Json update_ms = Json::object();
    std::string updates;
    for (auto const& u : b.updates) {
      update_ms[std::to_string(u.batch)] = u.median_ms;
      updates += fmt::format("  update, batch {:>3}      {:9.3f} ms\n", u.batch, u.median_ms);
    }
    return print_result(
        common,
        Json::object({{"classic_steps_per_s", steps},
                      {"update_ms", update_ms},
                      {"update_gflops", b.update_gflops},
                      {"gemm_gflops", b.gemm_gflops},
                      {"update_share_of_gemm", b.update_gflops / b.gemm_gflops},
                      {"act_us", b.act_us},
                      {"tpe_proposal_ms", proposal_ms},
                      {"signature", signature}}),
        fmt::format("  classic environment    {:9.2f} million steps/s and thread\n{}"
                    "  whole update           {:9.1f} GFLOP/s, {:.0f} % of the {:.1f} of its products alone\n"
                    "  greedy action          {:9.1f} µs\n"
                    "  TPE proposal           {:9.3f} ms at 1,000 trials × 10 parameters\n"
                    "  signature              {}",
                    steps / 1e6, updates, b.update_gflops, 100 * b.update_gflops / b.gemm_gflops, b.gemm_gflops,
                    b.act_us, proposal_ms, signature));
  };
}

}  // namespace regulus::app
