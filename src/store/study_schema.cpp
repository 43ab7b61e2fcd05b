#include "store/study_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace regulus::store {
namespace {

constexpr std::string_view revision = "v3.2.0.a";
constexpr std::int64_t schema_version = 12;

struct Table {
  std::string_view name;
  std::string_view columns;
  std::string_view index{};
};

// In Optuna's order and, but for spaces, in its words: tests/golden/store/optuna_schema.sql.
constexpr std::array<Table, 13> tables = {{
    {"studies", "study_id INTEGER NOT NULL, study_name VARCHAR(512) NOT NULL, PRIMARY KEY (study_id)",
     "CREATE UNIQUE INDEX IF NOT EXISTS ix_studies_study_name ON studies (study_name)"},
    {"version_info",
     "version_info_id INTEGER NOT NULL, schema_version INTEGER, library_version VARCHAR(256), "
     "PRIMARY KEY (version_info_id), CHECK (version_info_id=1)"},
    {"study_directions",
     "study_direction_id INTEGER NOT NULL, direction VARCHAR(8) NOT NULL, study_id INTEGER NOT NULL, "
     "objective INTEGER NOT NULL, PRIMARY KEY (study_direction_id), UNIQUE (study_id, objective), "
     "FOREIGN KEY(study_id) REFERENCES studies (study_id)"},
    {"study_user_attributes",
     R"(study_user_attribute_id INTEGER NOT NULL, study_id INTEGER, "key" VARCHAR(512), value_json TEXT, )"
     R"(PRIMARY KEY (study_user_attribute_id), UNIQUE (study_id, "key"), )"
     "FOREIGN KEY(study_id) REFERENCES studies (study_id)"},
    {"study_system_attributes",
     R"(study_system_attribute_id INTEGER NOT NULL, study_id INTEGER, "key" VARCHAR(512), value_json TEXT, )"
     R"(PRIMARY KEY (study_system_attribute_id), UNIQUE (study_id, "key"), )"
     "FOREIGN KEY(study_id) REFERENCES studies (study_id)"},
    {"trials",
     "trial_id INTEGER NOT NULL, number INTEGER, study_id INTEGER, state VARCHAR(8) NOT NULL, "
     "datetime_start DATETIME, datetime_complete DATETIME, PRIMARY KEY (trial_id), "
     "FOREIGN KEY(study_id) REFERENCES studies (study_id)",
     "CREATE INDEX IF NOT EXISTS ix_trials_study_id ON trials (study_id)"},
    {"trial_user_attributes",
     R"(trial_user_attribute_id INTEGER NOT NULL, trial_id INTEGER, "key" VARCHAR(512), value_json TEXT, )"
     R"(PRIMARY KEY (trial_user_attribute_id), UNIQUE (trial_id, "key"), )"
     "FOREIGN KEY(trial_id) REFERENCES trials (trial_id)"},
    {"trial_system_attributes",
     R"(trial_system_attribute_id INTEGER NOT NULL, trial_id INTEGER, "key" VARCHAR(512), value_json TEXT, )"
     R"(PRIMARY KEY (trial_system_attribute_id), UNIQUE (trial_id, "key"), )"
     "FOREIGN KEY(trial_id) REFERENCES trials (trial_id)"},
    {"trial_params",
     "param_id INTEGER NOT NULL, trial_id INTEGER, param_name VARCHAR(512), param_value FLOAT, "
     "distribution_json TEXT, PRIMARY KEY (param_id), UNIQUE (trial_id, param_name), "
     "FOREIGN KEY(trial_id) REFERENCES trials (trial_id)"},
    {"trial_values",
     "trial_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, objective INTEGER NOT NULL, "
     "value FLOAT, value_type VARCHAR(7) NOT NULL, PRIMARY KEY (trial_value_id), "
     "UNIQUE (trial_id, objective), FOREIGN KEY(trial_id) REFERENCES trials (trial_id)"},
    {"trial_intermediate_values",
     "trial_intermediate_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, step INTEGER NOT NULL, "
     "intermediate_value FLOAT, intermediate_value_type VARCHAR(7) NOT NULL, "
     "PRIMARY KEY (trial_intermediate_value_id), UNIQUE (trial_id, step), "
     "FOREIGN KEY(trial_id) REFERENCES trials (trial_id)"},
    {"trial_heartbeats",
     "trial_heartbeat_id INTEGER NOT NULL, trial_id INTEGER NOT NULL, heartbeat DATETIME NOT NULL, "
     "PRIMARY KEY (trial_heartbeat_id), UNIQUE (trial_id), "
     "FOREIGN KEY(trial_id) REFERENCES trials (trial_id)"},
    {"alembic_version", "version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)"},
}};

}  // namespace

void create_study_tables(Transaction& transaction) {
  for (Table const& table : tables) {
    transaction.run(fmt::format("CREATE TABLE IF NOT EXISTS {} ({})", table.name, table.columns));
    if (!table.index.empty()) transaction.run(table.index);
  }
  transaction.run(
      "INSERT INTO version_info (version_info_id, schema_version, library_version) "
      "SELECT 1, ?, 'regulus' WHERE NOT EXISTS (SELECT 1 FROM version_info)",
      {schema_version});
  transaction.run("INSERT INTO alembic_version (version_num) SELECT ? WHERE NOT EXISTS (SELECT 1 FROM alembic_version)",
                  {revision});
}

bool check_study_tables(Transaction& transaction, std::filesystem::path const& path) {
  std::vector<std::string> const present = transaction.tables();
  auto const here = [&](std::string_view name) { return std::ranges::find(present, name) != present.end(); };
  auto const refuse = [&](std::string const& reason) {
    transaction.fail(invalid(fmt::format("{}: {}", path.string(), reason)));
    return false;
  };
  auto const known = std::ranges::count_if(tables, [&](Table const& table) { return here(table.name); });
  if (known == 0 && !present.empty()) {
    return refuse(fmt::format("is another program's database (it has a table {}); give a file of its own for studies",
                              present.front()));
  }
  if (here("alembic_version")) {
    auto const found = transaction.text("SELECT version_num FROM alembic_version");
    if (found && *found != revision) {
      return refuse(
          fmt::format("its tables are of revision {}, not {}; bring them up to date with `optuna storage upgrade`",
                      *found, revision));
    }
  }
  if (here("version_info")) {
    auto const found = transaction.integer("SELECT schema_version FROM version_info");
    if (found && *found != schema_version) {
      return refuse(fmt::format("its schema is version {}, not {}", *found, schema_version));
    }
  }
  return static_cast<std::size_t>(known) == tables.size();
}

}  // namespace regulus::store
