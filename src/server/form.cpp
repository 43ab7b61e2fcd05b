#include "server/form.h"

#include <algorithm>
#include <array>
#include <utility>

namespace regulus::server {

namespace {

constexpr std::size_t most_answers = 10'000;  // of one company; the oldest go first

// What dispatch/decision.cpp says, and the limit that it speaks of.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> limit_by_words = {{
    {"is in two routes, or twice in one", "double_assignment"},
    {"is still in the plan of driver", "double_assignment"},
    {"is given up, and planned or given up again", "double_assignment"},
    {"a break is missing, out of order, or with somebody on board", "rest_breach"},
    {"is in the plan and is left out", "rest_breach"},
    {"is not available", "off_duty"},
    {"the driver is back after the end of the shift", "off_duty"},
    {"the driver is away for too long", "off_duty"},
    {"is out of order or named twice", "double_assignment"},
}};

}  // namespace

std::string_view hard_limit_of(std::string_view why) {
  if (!why.starts_with("illegal:")) return "";
  for (auto const& [words, limit] : limit_by_words) {
    if (why.find(words) != std::string_view::npos) return limit;
  }
  return "";
}

std::string_view Form::note(std::int64_t company, std::int64_t since, Answer answer) {
  std::unique_lock const lock(mutex_);
  Record& record = records_[company];
  if (record.since != since) record = {.since = since, .answers = {}};
  record.answers.push_back(answer);
  while (record.answers.size() > most_answers || record.answers.front().at <= answer.at - limits_.span) {
    record.answers.pop_front();
  }
  return broken(record.answers);
}

std::string_view Form::broken(std::deque<Answer> const& answers) const {
  if (answers.size() < limits_.enough) return "";
  auto const replaced = static_cast<std::size_t>(std::ranges::count_if(answers, &Answer::is_replaced));
  if (static_cast<double>(replaced) > limits_.most_replaced * static_cast<double>(answers.size())) {
    return "fallback_rate";
  }
  std::size_t const known = answers.size() - replaced;
  auto const slow = static_cast<std::size_t>(std::ranges::count_if(
      answers, [&](Answer const& answer) { return !answer.is_replaced && answer.decide_us > limits_.decide_us; }));
  // One answer that a busy machine kept waiting says nothing, however few there are.
  return slow >= limits_.fewest_slow && 100 * slow > known ? "latency" : "";
}

}  // namespace regulus::server
