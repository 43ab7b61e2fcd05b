// Work that takes minutes or days: searching for settings, training, evaluating. The server writes it down and a worker
// takes it; a study is a job of kind "tune", a training run one of kind "train". A kind is a command of the program and
// its arguments are that command's flags, so nothing is in them but what is listed here.
//
// A job of a company is there for its tokens only; one without a company is the installation's, for tokens that are for
// all companies.
#include "server/jobs.h"

#include <filesystem>

#include "domain/json_reader.h"
#include "server/server.h"
#include "store/companies.h"
#include "store/model_registry.h"
#include "store/study_reports.h"

namespace regulus::server {

namespace {

constexpr std::int64_t largest_seed = (std::int64_t{1} << 53) - 1;  // exact in every JSON reader
constexpr int most_pages = 10;                                      // of rows that a list looks at

bool is_visible(Call const& call, store::StoredJob const& job) {
  return job.company ? call.token.is_for(*job.company) : !call.token.rights.companies.has_value();
}

// The job that a variable of the path names, when it is there for this token, and of this kind if one is given.
Result<store::StoredJob> job_of(Call const& call, store::Transaction& tx, std::string_view variable,
                                std::string_view kind = "") {
  Result<store::StoredJob> job = store::load_job(tx, call.variable(variable));
  bool const is_there = job && is_visible(call, *job) && (kind.empty() || job->kind == kind);
  if (job && !is_there) return Error{ErrorKind::not_found, "no such job"};
  return job;
}
Result<store::StoredJob> study_of(Call const& call, store::Transaction& tx) {
  return job_of(call, tx, "study", "tune");
}

// Jobs of one kind, or of all; oldest first. What others may see is skipped, and only so many rows are looked at for
// one page: it may be short, or empty, and still have a next one.
Outcome listed(Call const& call, store::Transaction& tx, std::optional<std::string_view> kind) {
  auto const page = page_of(call);
  if (auto const* problem = std::get_if<Problem>(&page)) return *problem;
  int const limit = std::get<Page>(page).limit;
  store::Cursor<std::string> cursor = rows_after(std::get<Page>(page));
  Json items = Json::array();
  bool more = true;
  auto const is_full = [&] { return items.as_array().size() == static_cast<std::size_t>(limit); };
  for (int pages = 0; pages < most_pages && more && !is_full(); ++pages) {
    auto const jobs = store::list_jobs(tx, cursor, store::longest_page);
    more = jobs.size() == static_cast<std::size_t>(store::longest_page);
    for (store::StoredJob const& job : jobs) {
      if (is_full()) {
        more = true;
        break;
      }
      cursor = {.at_us = job.created_us, .id = job.id};
      if (is_visible(call, job) && (!kind || job.kind == *kind)) items.push_back(job_json(job));
    }
  }
  if (tx.failed()) return problem_of(tx.error());
  return json_response(200, page_json(call, std::move(items), place_of(cursor.at_us, cursor.id), more));
}

// As Server::record; the company is the job's, which no path names.
void record(Server& server, Call const& call, store::Transaction& tx, std::string const& action,
            store::StoredJob const& job, Json before, Json after) {
  record_change(tx, server.outbox(), job,
                {.actor = call.token.id,
                 .action = action,
                 .before = std::move(before),
                 .after = std::move(after),
                 .request_id = call.request.id,
                 .at = call.now});
}

// Ends what waits, and asks the worker of what runs to end it: 200 when it is over, 202 when its worker still has to
// notice.
Outcome cancelled(Server& server, Call const& call, store::Transaction& tx, store::StoredJob const& before) {
  Result<store::StoredJob> const job = store::cancel_job(tx, before.id, call.now);
  if (!job) return problem_of(job.error());
  Json const json = job_json(*job);
  record(server, call, tx, "job.cancel", *job, job_json(before), json);
  if (job->company) server.tell(tx, *job->company, "job.cancelled", Json::object({{"job", job->id}}), call.now);
  bool const is_over = job->state == store::JobState::cancelled;
  if (is_over) tell_progress(tx, server.outbox(), *job, call.now);
  return json_response(is_over ? 200 : 202, json);
}

Json trial_json(store::StudyTrial const& trial) {
  auto const time = [](std::optional<std::int64_t> us) { return us ? Json(instant_text(*us)) : Json(); };
  return Json::object({{"number", trial.number},
                       {"state", store::word_of(trial.state)},
                       {"value", trial.value ? Json(*trial.value) : Json()},
                       {"parameters", trial.parameters},
                       {"started", time(trial.started_us)},
                       {"ended", time(trial.ended_us)}});
}

// What the study says of itself, as far as its worker reported it; null before that.
Json study_json(store::Transaction& tx, std::string const& job) {
  auto const report = store::study_report(tx, job);
  if (!report) return {};
  store::StudyCount const count = store::study_count(tx, job, report->maximizes);
  Json trials = Json::object();
  for (TrialState const state :
       {TrialState::complete, TrialState::pruned, TrialState::fail, TrialState::running, TrialState::waiting}) {
    trials[store::word_of(state)] = count.of(state);
  }
  return Json::object({{"name", report->name},
                       {"direction", report->maximizes ? "maximize" : "minimize"},
                       {"trials", std::move(trials)},
                       {"best", count.best ? trial_json(*count.best) : Json()},
                       {"problem", report->problem ? Json(*report->problem) : Json()},
                       {"reported", instant_text(report->reported_us)}});
}

// An empty list of a study that has tried something would be taken for the truth. What was reported is shown, even when
// a problem came later, which the study itself tells.
std::optional<Problem> unknown_trials(Call const& call, store::Transaction& tx, store::StoredJob const& job,
                                      std::optional<store::StudyReport> const& report) {
  if (!store::study_trials(tx, job.id, -1, 1).empty()) return std::nullopt;
  if (report && report->problem) {
    return conflict(call.say(fmt::format("the worker cannot read this study: {}", *report->problem),
                             fmt::format("le worker ne peut pas lire cette étude\u00A0: {}", *report->problem)));
  }
  bool const is_open = job.state == store::JobState::queued || job.state == store::JobState::running;
  if (report || is_open || job.attempts == 0) return std::nullopt;
  return conflict(
      call.say("no trial of this study was reported; the result of the job says how it ended",
               "aucun essai de cette étude n’a été communiqué\u202F; le résultat de la tâche dit comment elle a fini"));
}

// A whole number of an order's arguments.
struct Amount {
  std::string_view name;
  std::int64_t lowest, highest, usual;
};

void read_amount(JsonReader const& at, Amount const& amount, Json& arguments) {
  std::int64_t value = amount.usual;
  at.in(amount.name, [&](JsonReader const& number) { number.integer(amount.lowest, amount.highest, value); });
  arguments[amount.name] = value;
}

// What is to be done, beyond what every order says: {"scenario", "seed", "company"}.
struct Order {
  std::string kind;
  std::vector<Amount> amounts;
  bool of_a_model = false;  // "model" names a registered one
};

// Puts the body into the queue; `at` is its reader, which has seen to the keys. A seed that nobody gave is drawn and
// written down, so that the same work can be ordered again.
Outcome ordered(Server& server, Call const& call, store::Transaction& tx, JsonReader const& at, Status const& status,
                Order const& order) {
  Json arguments = Json::object();
  std::string scenario, model;
  at.in("scenario", [&](JsonReader const& text) {
    text.value(scenario);
    // It becomes a word of a command line: nothing in it may be taken for a flag or a path.
    bool const plain = scenario.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-,") == std::string::npos;
    if (scenario.empty() || scenario.size() > 200 || !plain || scenario.front() == '-') {
      text.fail("is no name of a scenario; write one such as geneva-medical");
    }
  });
  arguments["scenario"] = scenario;
  for (Amount const& amount : order.amounts) read_amount(at, amount, arguments);
  std::int64_t seed = static_cast<std::int64_t>(server.random_seed() & static_cast<std::uint64_t>(largest_seed));
  at.in("seed", [&](JsonReader const& number) { number.integer(0, largest_seed, seed); });
  arguments["seed"] = seed;
  at.in("model", [&](JsonReader const& name) { name.value(model); });
  std::optional<std::int64_t> company;
  at.in("company", [&](JsonReader const& number) {
    if (number.json().is_null()) return;
    number.integer(1, std::int64_t{1} << 53, company.emplace());
  });
  if (!status) return invalid_body(status.error());
  if (!company && call.token.rights.companies) {
    return invalid_member(
        "/company", "missing",
        call.say("this token is for some companies: say for which of them the work is",
                 "ce jeton vaut pour certaines entreprises\u00A0: indiquez pour laquelle est ce travail"));
  }
  // Somebody else's company is as unknown as one that does not exist.
  if (company && (!call.token.is_for(*company) || !store::load_company(tx, *company))) {
    if (tx.failed()) return problem_of(tx.error());
    return invalid_member(
        "/company", "unknown-company",
        call.say(fmt::format("company {} does not exist; take one from /api/v1/companies", *company),
                 fmt::format("l’entreprise {} n’existe pas\u202F; prenez-en une de /api/v1/companies", *company)));
  }
  if (order.of_a_model) {
    Result<store::RegisteredModel> const known = store::load_model(tx, model);
    if (!known && known.error().kind != ErrorKind::not_found) return problem_of(known.error());
    if (!known) {
      return invalid_member(
          "/model", "unknown-model",
          call.say(fmt::format("model {} does not exist; take one from /api/v1/models", model),
                   fmt::format("le modèle {} n’existe pas\u202F; prenez-en un de /api/v1/models", model)));
    }
    arguments["model"] = std::filesystem::absolute(known->path).string();
  }
  Result<store::StoredJob> const job = store::enqueue_job(
      tx, {.company = company, .kind = order.kind, .arguments = std::move(arguments)}, call.now, server.entropy());
  if (!job) return problem_of(job.error());
  Json const json = job_json(*job);
  record(server, call, tx, "job.create", *job, {}, json);
  if (job->company) server.tell(tx, *job->company, "job.created", Json::object({{"job", job->id}}), call.now);
  Response response = json_response(202, json);
  response.headers.emplace_back("Location", "/api/v1/jobs/" + job->id);
  return response;
}

}  // namespace

Outcome list_jobs(Server&, Call const& call, store::Transaction& tx) { return listed(call, tx, std::nullopt); }
Outcome list_studies(Server&, Call const& call, store::Transaction& tx) { return listed(call, tx, "tune"); }
Outcome list_training_runs(Server&, Call const& call, store::Transaction& tx) { return listed(call, tx, "train"); }

Outcome get_job(Server&, Call const& call, store::Transaction& tx) {
  Result<store::StoredJob> const job = job_of(call, tx, "job");
  if (!job) return problem_of(job.error());
  return json_response(200, job_json(*job));
}

Outcome cancel_job(Server& server, Call const& call, store::Transaction& tx) {
  Result<store::StoredJob> const before = job_of(call, tx, "job");
  if (!before) return problem_of(before.error());
  return cancelled(server, call, tx, *before);
}

Outcome get_study(Server&, Call const& call, store::Transaction& tx) {
  Result<store::StoredJob> const job = study_of(call, tx);
  if (!job) return problem_of(job.error());
  Json json = job_json(*job);
  json["study"] = study_json(tx, job->id);
  if (tx.failed()) return problem_of(tx.error());
  return json_response(200, json);
}

Outcome study_trials(Server&, Call const& call, store::Transaction& tx) {
  Result<store::StoredJob> const job = study_of(call, tx);
  if (!job) return problem_of(job.error());
  auto const asked = page_of(call, CursorKind::number);
  if (auto const* problem = std::get_if<Problem>(&asked)) return *problem;
  Page const& page = std::get<Page>(asked);
  if (auto problem = unknown_trials(call, tx, *job, store::study_report(tx, job->id))) return *std::move(problem);
  Json items = Json::array();
  std::string last;
  for (store::StudyTrial const& trial : store::study_trials(tx, job->id, page.number, page.limit)) {
    items.push_back(trial_json(trial));
    last = std::to_string(trial.number);
  }
  if (tx.failed()) return problem_of(tx.error());
  return page_response(call, page, std::move(items), last);
}

Outcome study_importances(Server&, Call const& call, store::Transaction& tx) {
  Result<store::StoredJob> const job = study_of(call, tx);
  if (!job) return problem_of(job.error());
  auto const report = store::study_report(tx, job->id);
  if (auto problem = unknown_trials(call, tx, *job, report)) return *std::move(problem);
  if (report && report->importances) return json_response(200, *report->importances);
  std::int64_t const complete = store::study_count(tx, job->id, !report || report->maximizes).of(TrialState::complete);
  if (tx.failed()) return problem_of(tx.error());
  return conflict(call.say(
      fmt::format("importances need {} complete trials, and this study has {}; ask again when there are more",
                  fewest_trials_for_importances, complete),
      fmt::format("l’importance des paramètres demande {} essais complets, et cette étude en a {}\u202F; redemandez "
                  "quand il y en aura davantage",
                  fewest_trials_for_importances, complete)));
}

// Who asks again for what was asked for already, or is over, hears how it stands.
Outcome stop_study(Server& server, Call const& call, store::Transaction& tx) {
  Result<store::StoredJob> const job = study_of(call, tx);
  if (!job) return problem_of(job.error());
  bool const is_over = job->state != store::JobState::queued && job->state != store::JobState::running;
  if (is_over || job->cancel_requested) return json_response(is_over ? 200 : 202, job_json(*job));
  return cancelled(server, call, tx, *job);
}

Outcome get_training_run(Server&, Call const& call, store::Transaction& tx) {
  Result<store::StoredJob> const job = job_of(call, tx, "run", "train");
  if (!job) return problem_of(job.error());
  return json_response(200, job_json(*job));
}

Outcome create_study(Server& server, Call const& call, store::Transaction& tx) {
  Status status = ok();
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  at.keys({"scenario"}, {"company", "seed", "trials", "episodes"});
  return ordered(server, call, tx, at, status,
                 {.kind = "tune", .amounts = {{"trials", 1, 10'000, 100}, {"episodes", 1, 1'000'000, 1'000}}});
}

Outcome create_training_run(Server& server, Call const& call, store::Transaction& tx) {
  Status status = ok();
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  at.keys({"scenario"}, {"company", "seed", "episodes"});
  return ordered(server, call, tx, at, status, {.kind = "train", .amounts = {{"episodes", 1, 1'000'000, 1'000}}});
}

Outcome create_evaluation(Server& server, Call const& call, store::Transaction& tx) {
  Status status = ok();
  JsonReader const at(call.body, status, WholeNumbers::as_integers_only);
  at.keys({"scenario", "model"}, {"company", "seed", "episodes"});
  return ordered(server, call, tx, at, status,
                 {.kind = "evaluate", .amounts = {{"episodes", 2, 10'000, 200}}, .of_a_model = true});
}

}  // namespace regulus::server
