#!/usr/bin/env python3
"""What restic and borg keep of the snapshots in peers.txt, and what Kist keeps of the same.

ask_peers.py KIST [--restic RESTIC] [--borg BORG] [--work DIR] [--record]

By hand, not in CI: it makes a repository for each program and list, with a snapshot at each time,
and asks for every set of rules in peers.txt what would be kept. Prints what agrees and what
differs; exits 1 where a program chooses otherwise than the table says, or Kist differs from it in
another way than the table explains. With --record the table is written anew, its reasons as they
were. With --work the repositories stay, and the next run takes them again. Some six minutes.
restic from 0.16 on: before, it kept no oldest.

The unit tests (tests/unit/rules/peers_table_test.cc) read the same table.
"""
import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import zoneinfo

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers.txt")
UTC = datetime.timezone.utc
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
HOUR = datetime.timedelta(hours=1)


def local(year, month, day, hour, minute=30):
    return datetime.datetime(year, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


def every(step, begin, count):
    return [begin + i * step for i in range(count)]


def years():
    """Six years, sparse, with nights in which clocks change, leap days, ends of years and gaps."""
    day = 24 * HOUR
    out = [local(2020, 2, 29, 0), local(2020, 2, 29, 23)]
    # Half past midnight on the first: by UTC that is the month before.
    out += [local(y, m, 1, 0) for y in (2020, 2021, 2022) for m in range(1, 13)
            if (y, m) > (2020, 2) and not (y == 2021 and 5 <= m <= 8)]
    sundays = [local(2023, 1, 1, 23) + 7 * day * i for i in range(52)]
    out += [at for at in sundays if at.month != 6]
    out += [at + HOUR for at in sundays[::5] if at.month != 6]  # half past midnight of Monday
    out += [at for at in every(day, local(2024, 1, 15, 12), 56) if not (at.month == 2 and
                                                                       10 <= at.day <= 14)]
    out += every(HOUR, local(2024, 3, 30, 18), 26)  # summer time begins
    out += every(HOUR, local(2024, 10, 26, 20), 12)  # and ends
    out += every(6 * HOUR, local(2024, 12, 28, 5), 34)  # through the first ISO week of 2025
    out += every(day, local(2025, 9, 25, 22), 9)
    out += every(HOUR, local(2025, 10, 25, 18), 26)  # summer time ends
    return sorted(set(out))


def quarters():
    """A day with four snapshots an hour."""
    return every(HOUR / 4, local(2025, 11, 3, 8, 5), 40)


MAKE = {"years": years, "quarters": quarters}


# ---- the table ----------------------------------------------------------------------------------

def ranges(numbers):
    """[1, 2, 3, 7] as "1-3 7"."""
    out = []
    for number in sorted(numbers):
        if out and out[-1][1] == number - 1:
            out[-1][1] = number
        else:
            out.append([number, number])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in out)


def numbers(text):
    out = set()
    for part in text.split():
        first, _, last = part.partition("-")
        out |= set(range(int(first), int(last or first) + 1))
    return out


def read_table():
    """The lists by name, and the questions: dicts of peer, list, rules, keeps, more, less, why."""
    lists, questions = {}, []
    with open(TABLE, encoding="utf-8") as table:
        for line in table:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "list":
                lists[rest] = times = []
            elif word == "at":
                times += [datetime.datetime.strptime(each, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
                          for each in rest.split()]
            elif word == "ask":
                peer, which, rules = rest.split(" ", 2)
                questions.append({"peer": peer, "list": which, "rules": rules, "keeps": set(),
                                  "more": set(), "less": set(), "why": ""})
            elif word in ("keeps", "more", "less"):
                questions[-1][word] |= numbers(rest)
            elif word == "why":
                questions[-1]["why"] = rest
    return lists, questions


def write_table(lists, questions, versions):
    with open(TABLE, encoding="utf-8") as table:
        head = [line for line in table if line.startswith("#") and not line.startswith("# asked")]
    with open(TABLE, "w", encoding="utf-8") as table:
        table.writelines(head)
        table.write(f"# asked: {versions['restic']}, {versions['borg']}\n")
        for name, times in lists.items():
            table.write(f"\nlist {name}\n")
            for i in range(0, len(times), 5):
                at = " ".join(each.strftime("%Y-%m-%dT%H:%MZ") for each in times[i:i + 5])
                table.write(f"at {at}\n")
        for each in questions:
            table.write(f"\nask {each['peer']} {each['list']} {each['rules']}\n")
            for word in ("keeps", "more", "less"):
                table.writelines(f"{word} {line}\n"
                                 for line in textwrap.wrap(ranges(each[word]), 90))
            if each["why"]:
                table.write(f"why {each['why']}\n")


# ---- the programs -------------------------------------------------------------------------------

class Program:
    def __init__(self, binary, work, which):
        self.binary = binary
        self.home = os.path.join(work, f"{type(self).__name__.lower()}-{which}")
        self.times = []
        os.makedirs(self.home, exist_ok=True)
        with open(os.path.join(self.home, "file"), "w", encoding="utf-8") as file:
            file.write("hello\n")
        self.env = {**os.environ, "HOME": self.home, **self.variables()}

    def run(self, *arguments, **variables):
        done = subprocess.run([self.binary, *arguments], env={**self.env, **variables},
                              cwd=self.home, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{self.binary} {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def make(self, times):
        self.times = times
        made = os.path.join(self.home, "made")
        if os.path.exists(made):
            return
        self.init()
        for at in times:
            self.backup(at)
        with open(made, "w", encoding="utf-8") as file:
            file.write(f"{len(times)}\n")

    def number(self, at):
        return self.times.index(at)

    def since(self, span, unit):
        """From the newest snapshot less that time until now, which others count back from."""
        return -((less(self.times[-1], span) - datetime.datetime.now(UTC)) // unit)


def less(at, span):
    """The time so much earlier: "24d20h"."""
    units = {"d": 24 * HOUR, "h": HOUR}
    for count, unit in re.findall(r"(\d+)([dh])", span):
        at -= int(count) * units[unit]
    return at


class Restic(Program):
    def variables(self):
        return {"RESTIC_REPOSITORY": os.path.join(self.home, "repo"), "RESTIC_PASSWORD": "secret",
                "RESTIC_CACHE_DIR": os.path.join(self.home, "cache"), "TZ": "Europe/Berlin"}

    def version(self):
        return " ".join(self.run("version").split()[:2])

    def init(self):
        self.run("init")

    def backup(self, at):
        # The zone of that offset: else the hour that an autumn night has twice is one.
        hours = at.astimezone(BERLIN).utcoffset() // HOUR
        text = at.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M:%S")
        self.run("backup", "-q", "--time", text, "file", TZ=f"Etc/GMT-{hours}")

    def keeps(self, rules):
        text = self.run("forget", "--dry-run", "--json", "--group-by", "", *rules.split())
        plan = next(json.loads(line) for line in text.splitlines() if line.startswith("["))
        return {self.number(datetime.datetime.fromisoformat(each["time"]).astimezone(UTC))
                for group in plan for each in group["keep"]}


class Borg(Program):
    def variables(self):
        return {"BORG_REPO": os.path.join(self.home, "repo"), "BORG_BASE_DIR": self.home,
                "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes", "TZ": "Europe/Berlin"}

    def version(self):
        return self.run("--version").strip()

    def init(self):
        self.run("init", "-e", "none")

    def backup(self, at):
        self.run("create", "--timestamp", at.strftime("%Y-%m-%dT%H:%M:%S"),
                 f"::{self.number(at)}", "file")

    def keeps(self, rules):
        rules = re.sub(r"(--keep-within) (\S+)", lambda m: f"{m[1]} {self.since(m[2], HOUR)}H",
                       rules)
        rules = rules.replace("unlimited", "-1")
        text = self.run("prune", "--dry-run", "--list", *rules.split())
        kept = re.findall(r"Keeping archive \(rule: .*?\): +(\d+) ", text)
        return {int(number) for number in kept}


class Kist(Program):
    def variables(self):
        return {"KIST_REPO": os.path.join(self.home, "repo"), "KIST_PASSWORD": "secret",
                "KIST_STATE_DIR": os.path.join(self.home, "state"), "TZ": "UTC"}

    def init(self):
        self.run("init", "--min-retention", "0")
        self.run("policy", "set", "default", "--zone", "Europe/Berlin")

    def backup(self, at):
        self.run("backup", "-q", "--source", "desk", "--time", at.strftime("%Y-%m-%dT%H:%M:%S"),
                 "file")

    def keeps(self, rules):
        expect = re.search(r"--expect (\S+) ?", rules)
        if expect:
            self.run("policy", "set", "default", "--expect", expect[1])
            rules = rules.replace(expect[0], "")
        rules = re.sub(r"(--keep-within\S*) (\S+)", lambda m: f"{m[1]} {self.window(m[2])}", rules)
        plan = json.loads(self.run("forget", "--dry-run", "--json", *rules.split()))["plan"]
        if expect:
            self.run("policy", "set", "default", "--expect", "none")
        return {self.number(datetime.datetime.fromisoformat(each["time"][:19] + "+00:00"))
                for each in plan if not each["retire"]}

    def window(self, span):
        days, minutes = divmod(self.since(span, HOUR / 60), 24 * 60)
        return f"{days}d{minutes}min"


# Rules as Kist has them. --expect is Kist's alone.
def for_kist(rules):
    return re.sub(r"--keep-(3monthly|13weekly)", "--keep-quarterly", rules)


def for_peer(rules):
    return re.sub(r"--expect \S+ ?", "", rules)


# ---- the comparison -----------------------------------------------------------------------------

def show(word, chosen, times):
    for number in sorted(chosen):
        at = times[number].astimezone(BERLIN).strftime("%a %Y-%m-%d %H:%M %z")
        print(f"    {word} {number:4} {at}")


def compare(each, programs, times, is_recording):
    """Whether all is as the table says."""
    peer = programs[each["peer"], each["list"]].keeps(for_peer(each["rules"]))
    kist = programs["kist", each["list"]].keeps(for_kist(each["rules"]))
    more, less_ = kist - peer, peer - kist
    if is_recording:
        each.update(keeps=peer, more=more, less=less_)
    is_same = peer == each["keeps"]
    is_told = (more, less_) == (each["more"], each["less"])
    is_explained = is_told and bool(each["why"]) == bool(more | less_)
    word = "agree" if not more | less_ else "differ, explained" if is_explained else "DIFFER"
    print(f"{each['peer']} {each['list']} {each['rules']}: {len(peer)} kept, {word}"
          + ("" if is_same else "; NOT AS IN THE TABLE"))
    if not is_same:
        show(f"{each['peer']} now keeps", peer - each["keeps"], times)
        show(f"{each['peer']} no more keeps", each["keeps"] - peer, times)
    show("only kist", more, times)
    show("only " + each["peer"], less_, times)
    if more | less_:
        print(f"    {each['why']}")
    return is_same and is_explained


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("kist")
    parser.add_argument("--restic", default="restic")
    parser.add_argument("--borg", default="borg")
    parser.add_argument("--work")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    lists, questions = read_table()
    if given.record:
        lists = {name: make() for name, make in MAKE.items()}
    with tempfile.TemporaryDirectory() as temporary:
        work = os.path.abspath(given.work or temporary)
        programs = {}
        for name, times in lists.items():
            for kind, binary in ((Kist, os.path.abspath(given.kist)), (Restic, given.restic),
                                 (Borg, given.borg)):
                program = kind(binary, work, name)
                print(f"{binary}: {len(times)} snapshots of {name}", flush=True)
                program.make(times)
                programs[kind.__name__.lower(), name] = program
        versions = {name: programs[name, "years"].version() for name in ("restic", "borg")}
        print(", ".join(versions.values()))
        good = [compare(each, programs, lists[each["list"]], given.record) for each in questions]
        if given.record:
            write_table(lists, questions, versions)
    print(f"{good.count(True)} as the table says, {good.count(False)} not")
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
