# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the provider: ends a module or the directory server at seeded moments of an apply, and looks at what is left.

Reads JSON from standard input: `seed`, `points`, `victim` ("module" or "slapd"), `runs` (two packed calls of
mail_accounts that lead from one set of accounts to the other), `uri`, `base`, `unit`, `start` (a shell script),
`locks` (a pattern of file names).
Prints JSON: `faults` (texts, none if all is well) and how often the kill came `before`, `within`, `after` the writes.
With `victim` "nothing" it prints the accounts that are there.
"""

import glob
import json
import random
import statistics
import subprocess
import sys
import time
from collections import Counter

# Dates, and what tells that a value was changed by hand: not what an account is.
PASSING = ("mailroomDigest", "mailroomFormerAddress", "mailroomPurge", "mailroomRemoved", "userPassword")
# Moments, in parts of a run's time. The module hands its writes to a process of its own early in it.
MOMENTS = {"module": (0.0, 1.1), "slapd": (0.4, 1.3)}
# So many of the last whole runs tell how long one takes: it differs while the machine does other things too.
RECENT = 7


def accounts(uri, base):
    """What each entry is, by where its mail lies (it keeps that when it is renamed) or else its DN."""
    command = ["ldapsearch", "-LLL", "-Q", "-Y", "EXTERNAL", "-H", uri, "-o", "ldif-wrap=no", "-b", base]
    text = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    found = {}
    for block in filter(None, text.split("\n\n")):
        lines = sorted(line for line in block.splitlines() if not line.startswith(PASSING))
        key = next((line for line in lines if line.startswith("mailroomStore:")), block.splitlines()[0])
        found[key] = lines
    return found


class Points:
    def __init__(self, settings):
        self.settings = settings
        self.random = random.Random(settings["seed"])  # noqa: S311  the same moments each time
        self.where, self.faults = Counter(), []
        self.want, self.took = [], []
        for turn in (0, 1, 0, 1):
            self.apply(turn)
            self.want.append(self.now())
        if self.want[:2] != self.want[2:]:
            self.faults.append("one set of accounts does not always lead to the same entries")

    def now(self):
        return accounts(self.settings["uri"], self.settings["base"])

    def start(self, turn):
        command = ["python3", self.settings["runs"][turn]]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def wait(self):
        """What the module began is finished by a process of its own, which holds the lock until then."""
        for lock in glob.glob(self.settings["locks"]):
            subprocess.run(["flock", lock, "true"], check=True, timeout=60)

    def apply(self, turn):
        started = time.monotonic()
        result = json.loads(self.start(turn).communicate(timeout=60)[0])
        if result.get("failed"):
            raise SystemExit(f"apply failed: {result['msg']}")
        if result["writes"]:
            self.took.append(time.monotonic() - started)
        return result

    def moments(self, count):
        """Parts of a run's time, one at random in each of `count` equal stretches: few are spread as well as many."""
        start, end = MOMENTS[self.settings["victim"]]
        stretches = random.Random(self.settings["seed"]).sample(range(count), count)  # noqa: S311  as above
        return [start + (end - start) * (stretch + self.random.random()) / count for stretch in stretches]

    def point(self, number, moment):
        turn = number % 2
        process = self.start(turn)
        # Waits for nothing: the kill shall come at this moment, whatever the run has come to.
        time.sleep(moment * statistics.median(self.took[-RECENT:]))
        if self.settings["victim"] == "slapd":
            subprocess.run(["systemctl", "kill", "--signal", "KILL", self.settings["unit"]], check=True)
            process.communicate(timeout=60)
            subprocess.run(["bash", "-c", self.settings["start"]], check=True)
        else:
            process.kill()
            process.communicate(timeout=60)
            self.wait()
        old, new, left = self.want[1 - turn], self.want[turn], self.now()
        halves = [name for name in {*old, *new, *left} if left.get(name) not in (old.get(name), new.get(name))]
        self.where["before" if left == old else "after" if left == new else "within"] += 1
        if halves:
            self.faults.append(f"point {number}: neither old nor new: {halves[:3]} {left.get(halves[0])}")
        self.apply(turn)
        if self.now() != new:
            self.faults.append(f"point {number}: one more run did not reach the goal")
        again = self.apply(turn)
        if again["writes"] or again["changed"]:
            self.faults.append(f"point {number}: the run after that wrote {again['writes']} times")


def main():
    settings = json.load(sys.stdin)
    if settings["victim"] == "nothing":
        print(json.dumps(accounts(settings["uri"], settings["base"])))
        return
    points = Points(settings)
    for number, moment in enumerate(points.moments(settings["points"])):
        points.point(number, moment)
    print(json.dumps({"faults": points.faults, **points.where}))


main()
