// `regulus bench insertion`, `bench explain` and `bench decision`: what one question takes in a large fleet; `bench
// serve` and `bench slow-clients`: what the server holds out; `bench token-timing`: what it gives away.
#pragma once

#include "app/command.h"

namespace regulus::app {

Run add_bench_insertion(Flags& flags);
Run add_bench_explain(Flags& flags);
Run add_bench_decision(Flags& flags);
Run add_bench_serve(Flags& flags);
Run add_bench_slow_clients(Flags& flags);
Run add_bench_token_timing(Flags& flags);

}  // namespace regulus::app
