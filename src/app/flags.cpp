#include "app/flags.h"

#include <CLI/CLI.hpp>
#include <utility>

namespace regulus::app {

Flag* Flag::required() {
  option_->required();
  return this;
}

Flag* Flag::shows_default() {
  option_->capture_default_str();
  return this;
}

Flag* Flag::between(int low, int high) {
  option_->check(CLI::Range(low, high));
  return this;
}

Flag* Flag::between(std::int64_t low, std::int64_t high) {
  option_->check(CLI::Range(low, high));
  return this;
}

Flag* Flag::between(std::uint64_t low, std::uint64_t high) {
  option_->check(CLI::Range(low, high));
  return this;
}

Flag* Flag::between(double low, double high) {
  option_->check(CLI::Range(low, high));
  return this;
}

Flag* Flag::one_of(std::vector<std::string> words) {
  option_->check(CLI::IsMember(std::move(words)));
  return this;
}

Flag* Flag::existing_file() {
  option_->check(CLI::ExistingFile);
  return this;
}

Flag* Flag::valid(std::function<std::string(std::string const&)> complaint) {
  option_->check(
      CLI::Validator([complaint = std::move(complaint)](std::string const& word) { return complaint(word); }, "", ""));
  return this;
}

Flag* Flag::separated_by(char separator) {
  option_->delimiter(separator);
  return this;
}

Flag* Flag::words(int least, int most) {
  option_->expected(least, most);
  return this;
}

Flag* Flag::leaves_the_rest() {
  option_->allow_extra_args(false);
  return this;
}

Flag* Flag::or_environment(std::string const& variable) {
  option_->envname(variable);
  return this;
}

Flag* Flag::shown_as(std::string const& type) {
  option_->type_name(type);
  return this;
}

Flag* Flag::in_group(std::string const& heading) {
  option_->group(heading);
  return this;
}

bool Flag::given() const { return option_->count() > 0; }
std::string Flag::name() const { return option_->get_name(); }

Flags::Flags(std::string const& description, std::string const& program, std::string const& version)
    : own_(std::make_unique<CLI::App>(description, program)), app_(own_.get()) {
  app_->set_version_flag("--version", version);
  app_->allow_extras();
}

Flags::Flags(CLI::App& app, Flags const* parent) : app_(&app), parent_(parent) { app_->allow_extras(); }

Flags::~Flags() = default;

Flag* Flags::keep(CLI::Option* option) {
  flags_.push_back(std::make_unique<Flag>(*option));
  return flags_.back().get();
}

Flag* Flags::add(std::string const& name, std::string& value, std::string const& help) {
  return keep(app_->add_option(name, value, help));
}
Flag* Flags::add(std::string const& name, std::filesystem::path& value, std::string const& help) {
  return keep(app_->add_option(name, value, help));
}
Flag* Flags::add(std::string const& name, std::vector<std::string>& value, std::string const& help) {
  return keep(app_->add_option(name, value, help));
}
Flag* Flags::add(std::string const& name, std::vector<std::int64_t>& value, std::string const& help) {
  return keep(app_->add_option(name, value, help));
}
Flag* Flags::add(std::string const& name, std::optional<std::int64_t>& value, std::string const& help) {
  return keep(app_->add_option(name, value, help));
}
Flag* Flags::add(std::string const& name, int& value, std::string const& help) {
  return keep(app_->add_option(name, value, help));
}
Flag* Flags::add(std::string const& name, std::int64_t& value, std::string const& help) {
  return keep(app_->add_option(name, value, help));
}
Flag* Flags::add(std::string const& name, std::uint64_t& value, std::string const& help) {
  return keep(app_->add_option(name, value, help));
}
Flag* Flags::add(std::string const& name, double& value, std::string const& help) {
  return keep(app_->add_option(name, value, help));
}
Flag* Flags::add_switch(std::string const& name, bool& value, std::string const& help) {
  return keep(app_->add_flag(name, value, help));
}

void Flags::footer(std::string const& text) { app_->footer(text); }

Flags* Flags::add_subcommand(std::string const& name, std::string const& help) {
  CLI::App* const app = app_->add_subcommand(name, help);
  app->fallthrough(parent_ != nullptr);
  app_->require_subcommand(0, 1);
  subcommands_.push_back(std::unique_ptr<Flags>(new Flags(*app, this)));
  return subcommands_.back().get();
}

std::vector<Flag const*> Flags::all() const {
  std::vector<Flag const*> all;
  for (auto const& flag : flags_) all.push_back(flag.get());
  return all;
}

bool Flags::given(std::string const& name) const { return app_->count(name) > 0; }

Result<std::optional<int>> Flags::parse(int argc, char const* const* argv) {
  try {
    app_->parse(argc, argv);
  } catch (CLI::CallForHelp const& help) {
    return std::optional<int>(app_->exit(help));
  } catch (CLI::CallForVersion const& version) {
    return std::optional<int>(app_->exit(version));
  } catch (CLI::ParseError const& error) {
    return invalid(error.what());
  }
  return std::optional<int>();
}

bool Flags::parsed() const { return app_->parsed(); }
std::vector<std::string> Flags::remaining() const { return app_->remaining(); }
std::string Flags::help() const { return app_->help(); }

}  // namespace regulus::app
