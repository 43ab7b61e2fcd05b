// What Prometheus scrapes: counters, gauges and histograms with few labels, in its text format 0.0.4.
//
// Names follow Prometheus' practice: prefix, base unit, suffix. No label ever holds a company's, a driver's or a
// passenger's name, nor an id that somebody outside could invent: the set of series is bounded by the code. These are
// the process's numbers and start at zero with it; what must survive is counted in the database (store/counters.h).
//
// Safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace regulus::server {

class Metrics {
 public:
  // Seconds; the last bucket is everything.
  static constexpr std::array<double, 11> buckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5};

  // `labels` as they are written: `operation="rl_status",status="200"`.
  void add(std::string_view name, std::string_view labels, double by = 1);
  // A number that somebody knows better than this.
  void set(std::string_view name, std::string_view labels, double value);
  void observe(std::string_view name, std::string_view labels, double seconds);
  // A number that is asked for at each scrape.
  void gauge(std::string_view name, std::function<double()> value);
  // The help line of a name that is used above. `type`: counter, gauge or histogram.
  void describe(std::string_view name, std::string_view type, std::string_view help);

  // Everything, names and labels sorted.
  std::string text() const;
  // For tests and for status: a number that was added to or set, 0 when it is not there.
  double value(std::string_view name, std::string_view labels) const;

 private:
  struct Histogram {
    std::array<std::uint64_t, buckets.size() + 1> count{};
    double sum = 0;
  };
  struct Description {
    std::string type, help;
  };
  using Key = std::pair<std::string, std::string>;

  mutable std::mutex mutex_;
  std::map<Key, double> values_;
  std::map<Key, Histogram> histograms_;
  std::map<std::string, std::function<double()>, std::less<>> gauges_;
  std::map<std::string, Description, std::less<>> described_;
};

}  // namespace regulus::server
