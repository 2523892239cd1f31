// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "command/command.h"
#include "command/options.h"
#include "kernel/advice.h"
#include "kernel/probe.h"
#include "report/json_writer.h"

#define WORD "doctor"

struct doctor {
	bool json;
	const char *without;
};

static const struct option_row rows[] = {
	{ "json", 0, NULL, "one JSON object", option_flag, offsetof(struct doctor, json) },
	{ "without", 0, "LIST", "do as if this kernel lacked these features", option_text,
	  offsetof(struct doctor, without) },
	{ 0 },
};

static const struct command_line command_line = {
	.word = WORD,
	.usage = "[OPTION...]",
	.about = "What this kernel and these rights allow, and how to get the rest.",
	.rows = rows,
};

/* Why a feature is not there; "" when it is. */
static const char *doctor_reason(const struct probe *probe, enum probe_feature feature)
{
	if (probe->has[feature])
		return "";
	if (probe->taken_away[feature])
		return "taken away by --without";
	if (feature == PROBE_BPF && probe->bpf_reason[0])
		return probe->bpf_reason;
	return probe->error[feature] ? strerror(probe->error[feature]) : "not found";
}

static void doctor_print_text(const struct probe *probe)
{
	char way_out[ADVICE_MAX];
	struct utsname kernel;
	int missing = 0;

	uname(&kernel);
	printf("pmtop %s on %s %s %s, user %u\n\n", PMTOP_VERSION, kernel.sysname, kernel.release,
	       kernel.machine, geteuid());
	for (int f = 0; f < PROBE_FEATURES; f++) {
		missing += !probe->has[f];
		printf("%s %-13s %s\n", probe->has[f] ? "yes" : " no", probe_features[f].key,
		       probe_features[f].gives);
	}
	if (missing)
		printf("\nHow to get the rest:\n");
	for (int f = 0; f < PROBE_FEATURES; f++)
		if (!probe->has[f])
			printf("  %-13s %s (%s)\n", probe_features[f].key,
			       advice_feature(probe, f, way_out), doctor_reason(probe, f));
}

static int doctor_print_json(const struct probe *probe)
{
	char way_out[ADVICE_MAX];
	struct json_writer json = JSON_WRITER(stdout);
	struct utsname kernel;

	uname(&kernel);
	json_begin_object(&json, NULL);
	json_put_text(&json, "pmtop", PMTOP_VERSION);
	json_put_text(&json, "kernel", kernel.release);
	json_put_text(&json, "machine", kernel.machine);
	json_put_number(&json, "user", geteuid());
	json_begin_array(&json, "features");
	for (int f = 0; f < PROBE_FEATURES; f++) {
		const struct probe_feature_info *info = &probe_features[f];

		json_begin_object(&json, NULL);
		json_put_text(&json, "key", info->key);
		json_put_bool(&json, "has", probe->has[f]);
		json_put_bool(&json, "taken_away", probe->taken_away[f]);
		json_put_text(&json, "what", info->what);
		json_put_text(&json, "gives", info->gives);
		json_put_text(&json, "way_out", advice_feature(probe, f, way_out));
		json_put_text(&json, "reason", doctor_reason(probe, f));
		json_end(&json);
	}
	json_end(&json);
	json_end(&json);
	putchar('\n');
	return ferror(stdout) ? EXIT_ERROR : EXIT_DONE;
}

int command_doctor(int argc, char **argv)
{
	struct doctor doctor = { 0 };
	struct probe probe;
	int status = command_line_parse(&command_line, argc, argv, &doctor);

	if (status != EXIT_DONE)
		return status;
	probe_run(&probe);
	probe_try_bpf(&probe);
	status = options_without(WORD, doctor.without, &probe);
	if (status != EXIT_DONE)
		return status;
	if (doctor.json)
		return doctor_print_json(&probe);
	doctor_print_text(&probe);
	return EXIT_DONE;
}
