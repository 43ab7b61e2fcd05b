#include "server/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace regulus::server {

namespace {

std::string series(std::string_view name, std::string_view labels) {
  return labels.empty() ? std::string(name) : fmt::format("{}{{{}}}", name, labels);
}

std::string with_label(std::string_view labels, std::string_view more) {
  return labels.empty() ? std::string(more) : fmt::format("{},{}", labels, more);
}

}  // namespace

void Metrics::add(std::string_view name, std::string_view labels, double by) {
  std::unique_lock const lock(mutex_);
  values_[{std::string(name), std::string(labels)}] += by;
}

void Metrics::set(std::string_view name, std::string_view labels, double value) {
  std::unique_lock const lock(mutex_);
  values_[{std::string(name), std::string(labels)}] = value;
}

void Metrics::observe(std::string_view name, std::string_view labels, double seconds) {
  std::unique_lock const lock(mutex_);
  Histogram& h = histograms_[{std::string(name), std::string(labels)}];
  ++h.count[static_cast<std::size_t>(std::ranges::lower_bound(buckets, seconds) - buckets.begin())];
  h.sum += seconds;
}

void Metrics::gauge(std::string_view name, std::function<double()> value) {
  std::unique_lock const lock(mutex_);
  gauges_[std::string(name)] = std::move(value);
}

void Metrics::describe(std::string_view name, std::string_view type, std::string_view help) {
  std::unique_lock const lock(mutex_);
  described_[std::string(name)] = {std::string(type), std::string(help)};
}

std::string Metrics::text() const {
  // Gauges ask others, who may count something while they answer: first the questions, then the lock.
  std::vector<std::pair<std::string, std::function<double()>>> questions;
  {
    std::unique_lock const lock(mutex_);
    questions.assign(gauges_.begin(), gauges_.end());
  }
  std::map<std::string, std::string> lines;  // by name
  for (auto const& [name, ask] : questions) lines[name] = fmt::format("{} {}\n", name, ask());
  std::unique_lock const lock(mutex_);
  for (auto const& [key, value] : values_)
    lines[key.first] += fmt::format("{} {}\n", series(key.first, key.second), value);
  for (auto const& [key, h] : histograms_) {
    std::uint64_t sum = 0;
    std::string& out = lines[key.first];
    for (std::size_t k = 0; k < h.count.size(); ++k) {
      sum += h.count[k];
      std::string const edge = k < buckets.size() ? fmt::format("le=\"{}\"", buckets[k]) : "le=\"+Inf\"";
      out += fmt::format("{} {}\n", series(key.first + "_bucket", with_label(key.second, edge)), sum);
    }
    out += fmt::format("{} {}\n{} {}\n", series(key.first + "_sum", key.second), h.sum,
                       series(key.first + "_count", key.second), sum);
  }
  std::string text;
  for (auto const& [name, body] : lines) {
    if (auto const known = described_.find(name); known != described_.end()) {
      text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, known->second.help, name, known->second.type);
    }
    text += body;
  }
  return text;
}

double Metrics::value(std::string_view name, std::string_view labels) const {
  std::unique_lock const lock(mutex_);
  auto const found = values_.find({std::string(name), std::string(labels)});
  return found == values_.end() ? 0 : found->second;
}

}  // namespace regulus::server
