#include "app/study_watch.h"

#include <algorithm>
#include <chrono>

#include "server/jobs.h"
#include "tune/importance.h"

namespace regulus::app {

namespace {

// With whoever writes the study: its worker has a lease to renew, and looks again in a second.
constexpr std::chrono::milliseconds patience{1'500};
constexpr std::chrono::seconds grace{120};  // of a trial that another machine runs

bool has_ended(store::StudyTrial const& trial) {
  return trial.state != TrialState::running && trial.state != TrialState::waiting;
}

// Of how many trials they are; 0 when there are none.
std::int64_t trials_of(std::optional<Json> const& importances) {
  Json const* const trials = importances ? importances->find("trials") : nullptr;
  return trials != nullptr && trials->is_integer() ? trials->as_integer() : 0;
}

// As `regulus report` shows them.
Json importances_of(std::span<Trial const> trials, Direction direction, std::int64_t complete) {
  SearchSpace space;
  for (Trial const& trial : trials) {
    for (auto const& [parameter, distribution] : trial.distributions) space.emplace(parameter, distribution);
  }
  Json parameters = Json::array();
  for (tune::Importance const& importance : tune::importances(trials, space, direction)) {
    Json ci95 = Json::array();
    ci95.push_back(importance.ci95.low);
    ci95.push_back(importance.ci95.high);
    parameters.push_back(
        Json::object({{"name", importance.name}, {"share", importance.share}, {"ci95", std::move(ci95)}}));
  }
  return Json::object({{"trials", complete}, {"parameters", std::move(parameters)}});
}

}  // namespace

StudyWatch::StudyWatch(std::filesystem::path const& file, std::string name)
    : url_("sqlite:///" + file.string()), name_(std::move(name)) {}

std::optional<StudyWatch::News> StudyWatch::look(When when) {
  News news;
  if (report_) news.report = *report_;
  news.report.name = name_;
  Status const seen = read(when, news);
  if (!seen) {
    store_.reset();  // opened anew the next time, which checks every page
    if (seen.error().kind == ErrorKind::not_found) return std::nullopt;
  }
  news.report.problem = seen ? std::nullopt : std::optional(seen.error().message);
  bool const is_known = report_ && news.report == *report_ && news.changed.empty();
  return is_known ? std::nullopt : std::optional(std::move(news));
}

Status StudyWatch::read(When when, News& news) {
  if (!store_) {
    Result<store::StudyStore> opened = store::StudyStore::open(url_, store::StudyStore::Mode::existing, patience);
    if (!opened) return opened.error();
    store_ = opened.take();
  }
  Result<store::Study> const study = store_->load(name_);
  if (!study) return study.error();
  if (Status const known = read_trials(*study, when, news); !known || when == When::running) return known;
  // Last, since it writes: where the disk has no room for that, what was read is told all the same.
  if (auto const requeued = store_->requeue_dead(study->id, grace); !requeued) return requeued.error();
  return read_trials(*study, when, news);
}

// Changes nothing when it fails.
Status StudyWatch::read_trials(store::Study const& study, When when, News& news) {
  Result<std::span<Trial const>> const trials = store_->trials(study.id);
  if (!trials) return trials.error();
  news.report.maximizes = study.info.directions.front() == Direction::maximize;
  news.changed.clear();
  for (std::size_t i = 0; i < trials->size(); ++i) {
    if (i < told_.size() && has_ended(told_[i])) continue;
    store::StudyTrial trial = store::reported_trial((*trials)[i]);
    if (i >= told_.size() || trial != told_[i]) news.changed.push_back(std::move(trial));
  }
  weigh(when, *trials, news.report);
  return ok();
}

void StudyWatch::weigh(When when, std::span<Trial const> trials, store::StudyReport& report) const {
  std::int64_t const complete = std::ranges::count(trials, TrialState::complete, &Trial::state);
  std::int64_t const before = trials_of(report.importances);
  if (complete < server::fewest_trials_for_importances || complete == before) return;
  bool const is_due = when == When::ended || 20 * complete >= 21 * before;
  if (!is_due) return;
  report.importances = importances_of(trials, report.maximizes ? Direction::maximize : Direction::minimize, complete);
}

void StudyWatch::written(News const& news) {
  report_ = news.report;
  for (store::StudyTrial const& trial : news.changed) {
    auto const i = static_cast<std::size_t>(trial.number);
    if (i >= told_.size()) told_.resize(i + 1);
    told_[i] = trial;
  }
}

}  // namespace regulus::app
