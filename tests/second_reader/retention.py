"""The law of retention: docs/format.md, "Retention", and V63 to V96 of "Validity"."""
from types import SimpleNamespace as Record

from acts import ASSIGNED, CEILING, POLICY
from layouts import ascending

AUDIT, MAINTAIN, OWN, WRITE = 4, 8, 16, 1
DAY = 86400
YEAR, HOURS_72, LAST = 366 * DAY, 72 * 3600, 2**63 - 1
NONE = bytes(16)

# Fields of a policy.
MINIMUM, MAXIMUM, GRACE, COOLING_OFF, LOCK, REDACTION, APPROVALS, NOTICE = (
    13, 14, 15, 16, 17, 19, 20, 21)

def of(policy, number):
    return policy.fields.get(number, 1 if number == APPROVALS else 0)

def weaker(policy, than):
    return any(of(policy, n) < of(than, n)
               for n in (MINIMUM, GRACE, COOLING_OFF, NOTICE, APPROVALS, LOCK)) \
        or of(policy, REDACTION) > of(than, REDACTION)

def cooling_off(policy, before):
    """In seconds; 0: none is needed."""
    was, longer = of(before, LOCK), of(policy, MINIMUM) > of(before, MINIMUM)
    needed = of(policy, LOCK) and (not was or longer) or was and weaker(policy, before)
    return needed and max(HOURS_72, of(policy, COOLING_OFF), of(before, COOLING_OFF))

def longest(*maxima):
    return 0 if 0 in maxima else max(maxima)

def later(time, seconds):
    return min(time + 1000 * seconds, LAST)

class Retention:
    """Kept beside the state of the journal, whose slots and snapshots it reads."""

    def __init__(self, state):
        self.state, self.policies, self.sources, self.holds = state, {}, {}, {}
        self.proposals, self.ceiling, self.lifted = [], 10 * YEAR, 0

    # --- Policies ---

    def policy(self, source, author=None):
        row = self.sources.get(source)
        slot = self.state.slots.get(row.slot if row and row.slot != NONE else author)
        name = (row and row.policy) or (slot and slot.policy) or self.default
        return self.policies[name]

    def policy_of_subject(self, e, name):
        """What the source or slot that an entry assigns to has, if that name is assigned to it."""
        if e.to_slot:
            return self.policies[name or self.default]
        row = self.sources.get(e.source)
        slot = row and self.state.slots.get(row.slot)
        return self.policies[name or (slot and slot.policy) or self.default]

    def assigned_now(self, e):
        row = self.sources.get(e.source) if not e.to_slot else self.state.slots[e.slot_id]
        return row.policy if row else b""

    def terms(self, policy):
        return of(policy, MINIMUM), of(policy, MAXIMUM), of(policy, LOCK)

    def change(self, sequence, do):
        """What is longer or stricter for a source's snapshots after `do` than before."""
        before = {name: self.terms(self.policy(name)) for name in self.sources}
        do()
        for name, (minimum, maximum, lock) in before.items():
            now = self.terms(self.policy(name))
            if now[0] > minimum or now[2] > lock or \
                    longest(now[1], maximum) != maximum:
                self.sources[name].changes.append((sequence, *now))

    def checks_of_policy(self, policy):
        return dict(V64=1 <= len(policy.name) <= 255 and of(policy, MINIMUM) <= self.ceiling
                    and (not of(policy, MAXIMUM) or of(policy, MAXIMUM) >= of(policy, MINIMUM))
                    and all(of(policy, n) <= YEAR for n in (GRACE, COOLING_OFF, NOTICE))
                    and of(policy, APPROVALS) <= 255)

    # --- Proposals ---

    def wait(self, e):
        if e.type == CEILING:
            return HOURS_72 if e.seconds > self.ceiling else 0
        if e.type == POLICY:
            before = self.policies.get(e.policy.name)
            return cooling_off(e.policy, before) if before else 0
        return cooling_off(self.policy_of_subject(e, e.policy),
                           self.policy_of_subject(e, self.assigned_now(e)))

    def about(self, e):
        return e.type, e.policy.name if e.type == POLICY else None, \
            (e.to_slot, e.source, e.slot_id) if e.type == ASSIGNED else None

    def put_in_force(self, e):
        if e.type == CEILING:
            self.ceiling = e.seconds
        elif e.type == POLICY:
            self.policies[e.policy.name] = e.policy
        elif e.to_slot:
            self.state.slots[e.slot_id].policy = e.policy
        else:
            self.row(e.source).policy = e.policy

    def enact(self, e):
        self.proposals = [p for p in self.proposals if self.about(p.act) != self.about(e)]
        wait = self.wait(e)
        if not wait:
            return self.change(e.sequence, lambda: self.put_in_force(e))
        others = any(slot.has_written for id, slot in self.state.slots.items()
                     if id != e.author and not slot.revoked)
        self.proposals.append(Record(act=e, wait=wait, others=others, seen={}))

    def advance(self, e):
        """After an entry whose author does not doubt its time."""
        rest = []
        for p in self.proposals:
            counts = p.act.sequence > self.state.slots[e.author].added and not (
                p.others and e.author == p.act.author) and e.sequence > p.act.sequence
            if counts:
                p.seen.setdefault(e.author, e.time)
            over = counts and e.time >= later(p.seen[e.author], p.wait)
            if over:
                p.wait = max(p.wait, self.wait(p.act))
                over = e.time >= later(p.seen[e.author], p.wait)
            if over:
                self.change(e.sequence, lambda: self.put_in_force(p.act))
            else:
                rest.append(p)
        self.proposals = rest

    def drop_proposals_of(self, slot):
        self.proposals = [p for p in self.proposals if p.act.author != slot and not (
            p.act.type == ASSIGNED and p.act.to_slot and p.act.slot_id == slot)]

    def take_back(self, time):
        for p in self.proposals:
            p.seen = {slot: seen for slot, seen in p.seen.items() if seen <= time}

    # --- Time ---

    def seen(self):
        return max([slot.come_to for slot in self.state.slots.values()
                    if not slot.revoked and slot.capabilities & (MAINTAIN | OWN)] + [0])

    def others_time(self, author, time):
        """The greatest that others have come to; none where no other has written an entry."""
        others = [slot for id, slot in self.state.slots.items()
                  if id != author and not slot.revoked and slot.has_written]
        if not others:
            return None
        times = sorted(time(slot) for slot in others)
        judges = [time(slot) for slot in others if slot.capabilities & (AUDIT | MAINTAIN | OWN)]
        return max(judges + [times[0] if len(times) == 1 else times[-2]])

    def seen_by_others(self, author):
        seen = self.others_time(author, lambda slot: max(slot.come_to, 0))
        return self.seen() if seen is None else seen

    def age_start(self, e):
        own = self.state.slots[e.author].peak
        if e.doubt:
            return min(e.time, max(e.of, own))
        seen = self.others_time(e.author, lambda slot: slot.peak)
        return min(e.time, later(max(own, own if seen is None else seen), YEAR))

    # --- Snapshots ---

    def fixed(self, s):
        """Minimum, maximum and lock, in seconds."""
        if s.pending:
            return of(self.policy(s.source, s.author), GRACE), 0, 0
        minimum, maximum, lock = s.retention
        if s.shortened:
            minimum = s.shortened[1]
        for at, longer, most, stricter in self.sources[s.source].changes:
            if at < s.sequence:
                continue
            if not lock:
                maximum = longest(maximum, most)
            lock = max(lock, stricter)
            if not s.shortened or at >= s.shortened[0]:
                minimum = max(minimum, longer)
        return minimum, maximum, lock

    def chain(self, source):
        while source:
            yield source
            row = self.sources.get(source)
            source = row.continues if row else b""

    def held(self, s):
        return any(hold.whole or s.id in hold.snapshots
                   or any(name in hold.sources for name in self.chain(s.source))
                   for hold in self.holds.values())

    def row(self, source):
        return self.sources.setdefault(source, Record(
            slot=NONE, bound=False, continues=b"", policy=b"", series=0, changes=[], lifted=0))

    def takes_source(self, e):
        row = self.row(e.source)
        free = row.slot == NONE
        if free:
            row.slot = e.author
        if free or not row.series:
            row.series = e.sequence

    def bind(self, source, slot):
        row = self.row(source)
        row.slot, row.bound = slot, slot != NONE

    def free(self, slot):
        for row in self.sources.values():
            if row.slot == slot:
                row.policy = row.policy or self.state.slots[slot].policy
                row.slot, row.bound = NONE, False
        self.state.slots[slot].policy = b""

    def owner(self, source):
        row = self.sources.get(source)
        return row.slot if row else NONE

    def may_begin(self, e):
        """Whether the author has the source already, or may take it."""
        return self.owner(e.source) == e.author or e.source and sum(
            row.slot == e.author and not row.bound for row in self.sources.values()) < 256

    # --- Acts ---

    def checks(self, e):
        """The rules of the act, in the order in which they give a reason."""
        return getattr(self, "checks_%d" % e.type)(e)

    def checks_18(self, e):
        before = self.policies.get(e.policy.name)
        return dict(self.checks_of_policy(e.policy),
                    V66=before or len(self.policies) < 1024,
                    V65=not before or e.reason or not weaker(e.policy, before),
                    V90=lambda: len(self.proposals) < 1024 or not self.wait(e))

    def apply_18(self, e):
        self.enact(e)

    def checks_19(self, e):
        slot = self.state.slots.get(e.slot_id)
        return dict(
            V68=not e.policy or e.policy in self.policies,
            V69=slot and not slot.revoked if e.to_slot else bool(e.source),
            V65=lambda: e.reason or not weaker(
                self.policy_of_subject(e, e.policy),
                self.policy_of_subject(e, self.assigned_now(e))),
            V90=lambda: len(self.proposals) < 1024 or not self.wait(e))

    def apply_19(self, e):
        self.enact(e)

    def checks_20(self, e):
        row, slot = self.sources.get(e.source), self.state.slots.get(e.slot)
        other = self.sources.get(e.continues)
        writes = slot and not slot.revoked and slot.capabilities & WRITE
        chain = list(self.chain(e.continues))

        def keeps():
            if row and row.policy:
                return True
            after = self.policies[(slot and slot.policy) or self.default]
            return not cooling_off(after, self.policy(e.source))
        return dict(V70=e.source and (writes or e.ended and row and row.slot == e.slot),
                    V71=not e.continues or other and other.series and e.source not in chain,
                    V72=keeps)

    def apply_20(self, e):
        def bind():
            row = self.row(e.source)
            if not e.ended or row.slot != e.slot:
                self.bind(e.source, e.slot)
            if e.continues:
                row.series = self.sources[e.continues].series
                if row.continues != e.continues:
                    row.lifted = max(row.lifted, self.at_most_a_week_on(e)[0])
                row.continues = e.continues
        self.change(e.sequence, bind)

    def checks_21(self, e):
        rules = dict(V73=not e.doubt, V74=1 <= len(e.snapshots) <= 4096
                     and ascending([id for id, _ in e.snapshots]))
        now = self.at_most_a_week_on(e)
        if not all(rules.values()):
            return rules
        for id, _ in e.snapshots:
            s = self.state.snapshots.get(id)
            if not s or not s.live or s.retired:
                return dict(rules, V75=False)
            minimum, _, lock = self.fixed(s)
            rules.update(V76=not self.held(s), V77=now[lock] >= later(s.from_time, minimum))
            if not rules["V76"] or not rules["V77"]:
                return rules
        owns = self.state.slots[e.author].capabilities & OWN
        return dict(rules, V78=owns or all(cause != 4 for _, cause in e.snapshots))

    def apply_21(self, e):
        for id, _ in e.snapshots:
            s = self.state.snapshots[id]
            s.retired = self.at_most_a_week_on(e)[0], of(self.policy(s.source, s.author), GRACE)

    def at_most_a_week_on(self, e):
        """The time that an entry counts as, under governance and under compliance."""
        return (min(e.time, later(self.seen(), 7 * DAY)),
                min(e.time, later(self.seen_by_others(e.author), 7 * DAY)))

    def checks_of_ended(self, e):
        """V93 to V96 of the snapshots that end with an epoch."""
        now = self.at_most_a_week_on(e)
        if len(e.ended) > 65536 or not ascending(e.ended) or e.ended and e.doubt:
            return dict(V93=False)
        for id in e.ended:
            s = self.state.snapshots.get(id)
            if not s or not s.live or not s.retired:
                return dict(V94=False)
            minimum, _, lock = self.fixed(s)
            rules = dict(V95=not self.held(s), V96=now[lock] >= later(s.from_time, minimum)
                         and now[lock] >= self.restorable_until(s))
            if not all(rules.values()):
                return rules
        return {}

    def restorable_until(self, s):
        since, grace = s.retired
        lifted = [self.sources[name].lifted for name in self.chain(s.source)
                  if name in self.sources]
        return later(max([since, s.lifted, self.lifted] + lifted), grace)

    def checks_22(self, e):
        rules = dict(V74=1 <= len(e.snapshots) <= 4096 and ascending(e.snapshots),
                     V79=bool(e.reason))
        if not all(rules.values()):
            return rules
        for id in e.snapshots:
            s = self.state.snapshots.get(id)
            if not s or s.pending:
                return dict(rules, V80=False)
            minimum, _, lock = self.fixed(s)
            rules = dict(V81=not lock, V82=later(s.from_time, e.minimum)
                         < later(s.from_time, minimum))
            if not all(rules.values()):
                return rules
        return {}

    def apply_22(self, e):
        for id in e.snapshots:
            self.state.snapshots[id].shortened = e.sequence, e.minimum

    def checks_23(self, e):
        known = self.state.snapshots
        return dict(V74=1 <= len(e.snapshots) <= 4096 and ascending(e.snapshots),
                    V83=all(id in known and known[id].retired and not known[id].ended
                            for id in e.snapshots))

    def apply_23(self, e):
        for id in e.snapshots:
            self.state.snapshots[id].retired = None

    def checks_24(self, e):
        known, hold = self.state.snapshots, self.holds.get(e.matter)
        kind = bool(e.snapshots), bool(e.sources)
        parts = sum(len(h.snapshots) + len(h.sources) for h in self.holds.values())
        return dict(V84=1 <= len(e.matter) <= 64 and ascending(e.snapshots)
                    and ascending(e.sources),
                    V85=all(id in known and not known[id].pending and not known[id].ended
                            for id in e.snapshots)
                    and not all(kind) and (not hold or kind == (
                        bool(hold.snapshots), bool(hold.sources))),
                    V86=parts + len(e.snapshots) + len(e.sources) <= 65536
                    and (hold or len(self.holds) < 1024))

    def apply_24(self, e):
        hold = self.holds.setdefault(e.matter, Record(snapshots=set(), sources=set(), whole=False))
        hold.whole = not e.snapshots and not e.sources
        hold.snapshots.update(e.snapshots)
        hold.sources.update(e.sources)

    def checks_25(self, e):
        hold = self.holds.get(e.matter)
        return dict(V87=hold and ascending(e.snapshots) and ascending(e.sources)
                    and hold.snapshots >= set(e.snapshots) and hold.sources >= set(e.sources))

    def apply_25(self, e):
        hold, now = self.holds[e.matter], self.at_most_a_week_on(e)[0]
        whole = not e.snapshots and not e.sources
        lifted = [self.state.snapshots[id] for id in (hold.snapshots if whole else e.snapshots)]
        lifted += [self.sources[name] for name in (hold.sources if whole else e.sources)
                   if name in self.sources]
        for each in lifted + [self] * hold.whole:
            each.lifted = max(each.lifted, now)
        hold.snapshots -= hold.snapshots if whole else set(e.snapshots)
        hold.sources -= hold.sources if whole else set(e.sources)
        if not hold.snapshots and not hold.sources:
            del self.holds[e.matter]

    def checks_26(self, e):
        policies = [*self.policies.values()]
        proposed = [p.act.policy for p in self.proposals if p.act.type == POLICY]
        raises = e.seconds > self.ceiling
        return dict(V88=all(of(p, MINIMUM) <= e.seconds for p in policies + proposed),
                    V89=not raises or all(of(p, APPROVALS) <= 1 for p in policies),
                    V90=not raises or len(self.proposals) < 1024)

    def apply_26(self, e):
        self.enact(e)

    def checks_33(self, e):
        return dict(V91=any(p.act.sequence == e.proposal for p in self.proposals))

    def apply_33(self, e):
        self.proposals = [p for p in self.proposals if p.act.sequence != e.proposal]

    def checks_39(self, e):
        names = [row.policy for row in [*self.sources.values(), *self.state.slots.values()]]
        for p in self.proposals:
            if p.act.type != CEILING:
                names.append(p.act.policy.name if p.act.type == POLICY else p.act.policy)
        return dict(V67=e.name in self.policies and e.name != self.default
                    and e.name not in names)

    def apply_39(self, e):
        del self.policies[e.name]
