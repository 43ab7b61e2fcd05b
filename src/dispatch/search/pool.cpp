#include "dispatch/search/pool.h"

#include <algorithm>
#include <numeric>

#include "core/rng.h"

namespace regulus::dispatch {

using schedule::CompiledStop;
using schedule::Money;
using schedule::NodeKind;

namespace {

constexpr std::size_t most_routes = 60'000;
constexpr std::size_t kept_routes = 15'000;
constexpr std::size_t most_options = 4'000;
constexpr std::int64_t most_work = 4'000'000;  // routes looked at
constexpr int rounds = 250;

}  // namespace

RoutePool::RoutePool(schedule::Compiled const& compiled) : compiled_(&compiled) {
  usable_ = compiled.instance().load_weight == 0;
  twins_.assign(static_cast<std::size_t>(compiled.vehicles()), 0);
  for (std::int32_t v = 0; v < compiled.vehicles(); ++v) {
    schedule::VehicleUse const& use = compiled.vehicle(v);
    usable_ = usable_ && !use.started && use.locked.empty() && use.on_board.empty() && use.rests.empty();
    ++twins_[static_cast<std::size_t>(compiled.twin(v))];
  }
  for (std::int32_t r = 0; r < compiled.requests(); ++r) usable_ = usable_ && compiled.request(r).pickup >= 0;
}

void RoutePool::note(schedule::Tour const& tour) {
  if (tour.nodes().empty() || routes_.size() >= most_routes) return;
  std::int32_t const kind = compiled_->twin(tour.vehicle());
  std::uint64_t key = mix(0x706f6f6c, static_cast<std::uint64_t>(kind));
  for (std::int32_t const node : tour.nodes()) {
    if (compiled_->stop(node).kind == NodeKind::pickup) key += mix(1, static_cast<std::uint64_t>(node));
  }
  auto const [slot, fresh] = by_requests_.try_emplace(key, static_cast<std::int32_t>(routes_.size()));
  if (!fresh) {
    Route& known = routes_[static_cast<std::size_t>(slot->second)];
    if (tour.cost() >= known.cost) return;
    known.cost = tour.cost();
    known.nodes.assign(tour.nodes().begin(), tour.nodes().end());
    return;
  }
  Route route{key, kind, tour.cost(), {tour.nodes().begin(), tour.nodes().end()}, {}};
  for (std::int32_t const node : tour.nodes()) {
    CompiledStop const& stop = compiled_->stop(node);
    if (stop.kind == NodeKind::pickup) route.requests.push_back(stop.request);
  }
  routes_.push_back(std::move(route));
}

void RoutePool::bound(double known) {
  auto const requests = static_cast<std::size_t>(compiled_->requests());
  // Nobody is worth more than leaving them out costs.
  auto const cap = [&](std::vector<double>& price) {
    for (std::size_t r = 0; r < requests; ++r) {
      price[r] = std::min(price[r], static_cast<double>(compiled_->request(static_cast<std::int32_t>(r)).left_out));
    }
  };
  if (price_.empty()) price_.assign(requests, known / static_cast<double>(requests));
  cap(price_);
  std::vector<double> price = price_;
  std::vector<double> reduced(routes_.size());
  std::vector<double> threshold(twins_.size());
  std::vector<std::vector<std::int32_t>> wanted(twins_.size());
  std::vector<int> surplus(requests);
  floor_ = -1e300;
  double step = 1;
  int stale = 0;
  for (int round = 0; round < rounds; ++round) {
    // Step 1. With these multipliers, the cheapest choice that need not serve everybody once.
    double value = std::accumulate(price.begin(), price.end(), 0.0);
    for (auto& list : wanted) list.clear();
    for (std::size_t k = 0; k < routes_.size(); ++k) {
      double sum = static_cast<double>(routes_[k].cost);
      for (std::int32_t const r : routes_[k].requests) sum -= price[static_cast<std::size_t>(r)];
      reduced[k] = sum;
      if (sum < 0) wanted[static_cast<std::size_t>(routes_[k].kind)].push_back(static_cast<std::int32_t>(k));
    }
    std::ranges::fill(surplus, -1);
    for (std::size_t v = 0; v < wanted.size(); ++v) {
      auto& list = wanted[v];
      auto const most = static_cast<std::size_t>(twins_[v]);
      auto const by_value = [&](std::int32_t a, std::int32_t b) {
        double const x = reduced[static_cast<std::size_t>(a)], y = reduced[static_cast<std::size_t>(b)];
        return x != y ? x < y : a < b;
      };
      threshold[v] = 0;
      if (list.size() >= most && most > 0) {
        std::ranges::partial_sort(list, list.begin() + static_cast<std::ptrdiff_t>(most), by_value);
        list.resize(most);
        threshold[v] = reduced[static_cast<std::size_t>(list.back())];
      }
      for (std::int32_t const k : list) {
        value += reduced[static_cast<std::size_t>(k)];
        for (std::int32_t const r : routes_[static_cast<std::size_t>(k)].requests)
          ++surplus[static_cast<std::size_t>(r)];
      }
    }
    // Step 2. The best multipliers are kept; from here on, whoever is served too often becomes cheaper.
    if (value > floor_) {
      floor_ = value;
      price_ = price;
      reduced_ = reduced;
      threshold_ = threshold;
      stale = 0;
    } else if (++stale >= 10) {
      step /= 2;
      stale = 0;
      price = price_;
    }
    double norm = 0;
    for (int const s : surplus) norm += static_cast<double>(s) * s;
    if (norm == 0 || floor_ > known - 1) break;
    double const scale = step * (1.002 * known - value) / norm;
    for (std::size_t r = 0; r < requests; ++r) price[r] -= scale * surplus[r];
    cap(price);
  }
}

void RoutePool::forget() {
  if (routes_.size() <= kept_routes) return;
  auto const excess = [&](std::size_t k) {
    return reduced_[k] - threshold_[static_cast<std::size_t>(routes_[k].kind)];
  };
  std::vector<double> sorted(routes_.size());
  for (std::size_t k = 0; k < sorted.size(); ++k) sorted[k] = excess(k);
  std::ranges::nth_element(sorted, sorted.begin() + kept_routes);
  double const most = sorted[kept_routes];
  std::size_t kept = 0;
  by_requests_.clear();
  for (std::size_t k = 0; k < sorted.size(); ++k) {
    if (excess(k) >= most) continue;
    reduced_[kept] = reduced_[k];
    by_requests_.emplace(routes_[k].key, static_cast<std::int32_t>(kept));
    if (kept != k) routes_[kept] = std::move(routes_[k]);
    ++kept;
  }
  routes_.resize(kept);
  reduced_.resize(kept);
}

bool RoutePool::meets(std::int32_t route) const {
  return std::ranges::any_of(routes_[static_cast<std::size_t>(route)].requests,
                             [&](std::int32_t r) { return served_[static_cast<std::size_t>(r)]; });
}

double RoutePool::most_saved(std::vector<Option> const& options) {
  left_ = free_;
  double saved = 0;
  for (Option const& option : options) {
    if (option.reduced >= 0) break;
    std::int32_t& left = left_[static_cast<std::size_t>(routes_[static_cast<std::size_t>(option.route)].kind)];
    if (left == 0) continue;
    --left;
    saved += option.reduced;
  }
  return saved;
}

// `spent`: what the choices so far cost, and the multipliers of those who are not served yet.
void RoutePool::choose(std::vector<Option> const& options, double spent) {
  work_ += static_cast<std::int64_t>(options.size()) + 1;
  if (work_ > most_work || spent + most_saved(options) >= limit_) return;
  // Step 1. Who has the fewest routes left.
  auto const requests = static_cast<std::size_t>(compiled_->requests());
  ways_.assign(requests, 0);
  for (Option const& option : options) {
    for (std::int32_t const r : routes_[static_cast<std::size_t>(option.route)].requests) {
      ++ways_[static_cast<std::size_t>(r)];
    }
  }
  std::size_t rarest = requests;
  for (std::size_t r = 0; r < requests; ++r) {
    if (!served_[r] && (rarest == requests || ways_[r] < ways_[rarest])) rarest = r;
  }
  if (rarest == requests) {
    limit_ = spent - 0.5;
    best_chosen_ = chosen_;
    found_ = true;
    return;
  }
  // Step 2. Each of them, and nobody.
  std::vector<Option> rest;
  for (Option const& option : options) {
    Route const& route = routes_[static_cast<std::size_t>(option.route)];
    if (std::ranges::find(route.requests, static_cast<std::int32_t>(rarest)) == route.requests.end()) continue;
    std::int32_t& left = free_[static_cast<std::size_t>(route.kind)];
    --left;
    for (std::int32_t const r : route.requests) served_[static_cast<std::size_t>(r)] = true;
    chosen_.push_back(option.route);
    rest.clear();
    for (Option const& other : options) {
      std::int32_t const kind = routes_[static_cast<std::size_t>(other.route)].kind;
      if (free_[static_cast<std::size_t>(kind)] > 0 && !meets(other.route)) rest.push_back(other);
    }
    choose(rest, spent + option.reduced);
    chosen_.pop_back();
    for (std::int32_t const r : route.requests) served_[static_cast<std::size_t>(r)] = false;
    ++left;
  }
  double const out = static_cast<double>(compiled_->request(static_cast<std::int32_t>(rarest)).left_out);
  served_[rarest] = true;
  rest.clear();
  for (Option const& other : options) {
    if (!meets(other.route)) rest.push_back(other);
  }
  choose(rest, spent + out - price_[rarest]);
  served_[rarest] = false;
}

Solution RoutePool::spell_out() const {
  Solution solution;
  solution.routes.resize(twins_.size());
  std::vector<bool> used(twins_.size(), false), served(static_cast<std::size_t>(compiled_->requests()), false);
  for (std::int32_t const k : best_chosen_) {
    Route const& route = routes_[static_cast<std::size_t>(k)];
    auto v = static_cast<std::size_t>(route.kind);
    while (used[v] || compiled_->twin(static_cast<std::int32_t>(v)) != route.kind) ++v;
    used[v] = true;
    solution.routes[v] = route.nodes;
    solution.cost += route.cost;
    for (std::int32_t const r : route.requests) served[static_cast<std::size_t>(r)] = true;
  }
  for (std::int32_t r = 0; r < compiled_->requests(); ++r) {
    if (served[static_cast<std::size_t>(r)]) continue;
    solution.left_out.push_back(r);
    solution.cost += compiled_->request(r).left_out;
  }
  return solution;
}

std::optional<Solution> RoutePool::combine(Money known) {
  limit_ = static_cast<double>(known) - 0.5;
  bound(static_cast<double>(known));
  forget();
  if (floor_ >= limit_) return std::nullopt;
  // What a plan costs at least with this route in it.
  std::vector<Option> options;
  for (std::size_t k = 0; k < routes_.size(); ++k) {
    double const excess = reduced_[k] - threshold_[static_cast<std::size_t>(routes_[k].kind)];
    if (excess <= 0 || floor_ + excess < limit_) options.push_back({reduced_[k], static_cast<std::int32_t>(k)});
  }
  std::ranges::sort(options, [](Option const& a, Option const& b) {
    return a.reduced != b.reduced ? a.reduced < b.reduced : a.route < b.route;
  });
  if (options.size() > most_options) options.resize(most_options);
  served_.assign(static_cast<std::size_t>(compiled_->requests()), false);
  free_ = twins_;
  chosen_.clear();
  work_ = 0;
  found_ = false;
  choose(options, std::accumulate(price_.begin(), price_.end(), 0.0));
  if (!found_) return std::nullopt;
  return spell_out();
}

}  // namespace regulus::dispatch
