// `regulus bench insertion`, `bench explain` and `bench decision`: what one question takes in a large fleet; `bench
// serve` and `bench slow-clients`: what the server holds out; `bench token-timing`: what it gives away.
#pragma once

#include "app/command.h"

namespace regulus::app {

Run add_bench_insertion(CLI::App& app);
Run add_bench_explain(CLI::App& app);
Run add_bench_decision(CLI::App& app);
Run add_bench_serve(CLI::App& app);
Run add_bench_slow_clients(CLI::App& app);
Run add_bench_token_timing(CLI::App& app);

}  // namespace regulus::app
