"""Signing in and what a person signs in with: every write, each one line of the log."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from gongzhi.account import oidc, passkeys, passwords, queries, rules
from gongzhi.account.models import Factor, Identity, RecoveryCode, SignedIn
from gongzhi.base import attempts, clock, crypto, limits
from gongzhi.base.errors import Refused
from gongzhi.log import actions as log
from gongzhi.notify import actions as notify
from gongzhi.org import actions as org_actions
from gongzhi.org import queries as org
from gongzhi.org.models import Person, Token

# Signing in -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def sign_in(request: HttpRequest, person: Person, *, by: list[str], shared: bool) -> None:
    """Open a session of a person who has proved by these methods who it is; note the browser, tell of a new one."""
    new = passwords.KNOWN not in request.COOKIES
    if request.user.is_authenticated:  # who signs in again begins a session of its own
        sign_out(request)
        logout(request)
    login(request, person)
    session = request.session
    if session.session_key is None:
        session.save()
    session["shared"], session["seen"] = shared, clock.now().timestamp()
    if shared:
        session.set_expiry(0)  # with the browser
    held = org.standing(person).posts
    enough = len(by) > 1 or by == ["passkey"] or (by == ["oidc"] and settings.OIDC_SECOND)
    if not enough and rules.must_have_second(settings.SECOND_FACTOR, held):
        session["enrol"] = True
    agent = rules.agent_words(request.headers.get("User-Agent", ""))
    row = SignedIn.objects.create(person=person, session_key=session.session_key or "", how="+".join(by), agent=agent[:60],
                                  address=limits.address(request) or None, shared=shared)
    log.append("person.sign_in", actor=log.actor(person.pk), subject=("person", person.pk), data={"by": by, "session": row.pk})
    if new and SignedIn.objects.filter(person=person).exclude(pk=row.pk).exists():
        _tell(person, "account.new_browser", f"browser:{row.pk}", where=row.where)


@transaction.atomic
def signed_in_by_api(person: Person, code: str) -> str:
    """Let who told the right password have a token; give the sentence of refusal where the second factor is missing."""
    by = ["password"]
    if queries.has_second(person):
        try:
            found = prove(person, code) if code else ""
        except Refused as fault:
            return fault.sentence
        if not found:
            return _("请在 code 里填手机上的 6 位数字或备用码。")
        by.append(found)
    elif rules.must_have_second(settings.SECOND_FACTOR, org.standing(person).posts):
        return _("您的岗位要求二次验证，请先在网页登录并登记。")
    log.append("person.sign_in", actor=log.actor(person.pk), subject=("person", person.pk), data={"by": by, "api": True})
    return ""


def _tell(person: Person, template: str, key: str, **values: str) -> None:
    notify.tell_people([person.pk], template=template, values=values, about=("account", person.pk), key=f"account:{key}")


def seen(request: HttpRequest) -> bool:
    """Say whether a session goes on; one that nobody used for too long ends. Written down once a minute."""
    session, now = request.session, clock.now().timestamp()
    last = session.get("seen")
    if last is None:
        return True  # opened by a test, or before there was this
    idle = settings.SHARED_IDLE_MINUTES if session.get("shared") else settings.IDLE_MINUTES
    if now - last > idle * 60:
        SignedIn.objects.filter(session_key=session.session_key, ended_at=None).update(ended_at=clock.now())
        session.flush()
        return False
    if now - last >= rules.SEEN_EVERY.total_seconds():
        session["seen"] = now
        SignedIn.objects.filter(session_key=session.session_key).update(seen_at=clock.now())
    return True


@transaction.atomic
def sign_out(request: HttpRequest) -> None:
    """Note that a session ended; Django forgets it."""
    SignedIn.objects.filter(session_key=request.session.session_key, ended_at=None).update(ended_at=clock.now())


@transaction.atomic
def end(row: SignedIn, *, by: int) -> None:
    """End a session, one's own elsewhere, or of somebody whose sign-in means one looks after."""
    Session.objects.filter(session_key=row.session_key).delete()
    SignedIn.objects.filter(pk=row.pk, ended_at=None).update(ended_at=clock.now())
    log.append("session.end", actor=log.actor(by), subject=("person", row.person_id), data={"session": row.pk})


@transaction.atomic
def end_others(person: Person, keep: str, *, by: int) -> int:
    """End every session of a person but one."""
    rows = SignedIn.objects.filter(person=person, ended_at=None).exclude(session_key=keep)
    keys = list(rows.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    n = rows.update(ended_at=clock.now())
    if n:
        log.append("session.end", actor=log.actor(by), subject=("person", person.pk), data={"n": n})
    return n


# Second factors -------------------------------------------------------------------------------------------------------


@transaction.atomic
def prove(person: Person, code: str) -> str:
    """Take a one-time code or a recovery code; give which it was, or refuse. Five wrong ones lock for a quarter of an hour."""
    key = f"second:{person.pk}"
    if not attempts.begin(key, limit=passwords.TRIES, lock=passwords.LOCK):
        raise Refused(_("输错次数太多，请 15 分钟后再试，或请安全管理员重置。"), "code")
    found = _prove(person, code)
    if found:
        attempts.succeeded(key)
    return found


def _prove(person: Person, code: str) -> str:
    now = clock.now()
    for factor in person.factors.select_for_update().filter(kind=Factor.TOTP):
        step = rules.totp_step(crypto.open_sealed(factor.secret), code, now, factor.step)
        if step is not None:
            factor.step, factor.used_at = step, now
            factor.save(update_fields=["step", "used_at"])
            return "totp"
    used = RecoveryCode.objects.filter(person=person, used_at=None, digest=rules.recovery_digest(person.pk, code))
    if used.update(used_at=now):
        left = queries.recovery_left(person)
        log.append("factor.recovery", actor=log.actor(person.pk), subject=("person", person.pk), data={"left": left})
        _tell(person, "account.recovery_used", f"recovery:{now.isoformat()}", n=str(left))
        return "recovery"
    return ""


@transaction.atomic
def used_passkey(factor: Factor, counter: int) -> None:
    """Note that a passkey was used, and its device's counter."""
    Factor.objects.filter(pk=factor.pk).update(step=counter, used_at=clock.now())


@transaction.atomic
def add_totp(person: Person, secret: str, code: str, name: str) -> list[str]:
    """Add an authenticator app that has shown its first code; give the recovery codes if these are the first."""
    step = rules.totp_step(secret, code, clock.now(), 0)
    if step is None:
        raise Refused(_("这 6 位数字不对：请看手机上现在显示的，并确认手机时间是准的。"), "code")
    row = Factor.objects.create(person=person, kind=Factor.TOTP, name=_name(name, _("动态口令")), step=step,
                                secret=crypto.seal(secret))
    return _added(row)


@transaction.atomic
def add_passkey(person: Person, state: Any, answer: dict[str, Any], name: str) -> list[str]:
    """Add a passkey that the browser has made; give the recovery codes if these are the first."""
    try:
        credential_id, credential, counter = passkeys.read_new(state, answer)
        with transaction.atomic():
            row = Factor.objects.create(person=person, kind=Factor.PASSKEY, name=_name(name, _("通行密钥")),
                                        credential_id=credential_id, credential=credential, step=counter)
    except (passkeys.NotRight, IntegrityError) as fault:
        raise Refused(_("没有登记成功，请再试一次。")) from fault
    return _added(row)


def _name(name: str, default: str) -> str:
    return " ".join(name.replace("\x00", "").split())[:40] or default


def _added(row: Factor) -> list[str]:
    log.append("factor.add", actor=log.actor(row.person_id), subject=("person", row.person_id),
               data={"kind": row.kind, "factor": row.pk})
    _tell(row.person, "account.factor_added", f"factor:{row.pk}", name=row.name)
    return [] if queries.recovery_left(row.person) else _new_codes(row.person)


@transaction.atomic
def new_codes(person: Person) -> list[str]:
    """Make new recovery codes; the former ones are worth nothing from now on."""
    if not queries.has_second(person):
        raise Refused(_("先登记动态口令或通行密钥，再生成备用码。"))
    return _new_codes(person)


def _new_codes(person: Person) -> list[str]:
    RecoveryCode.objects.filter(person=person).delete()
    codes = rules.new_recovery_codes()
    RecoveryCode.objects.bulk_create(RecoveryCode(person=person, digest=rules.recovery_digest(person.pk, c)) for c in codes)
    log.append("factor.codes", actor=log.actor(person.pk), subject=("person", person.pk), data={"n": len(codes)})
    return codes


@transaction.atomic
def remove(factor: Factor, *, by: int) -> None:
    """Take a factor away; the last one stays where one must be had."""
    person = Person.objects.select_for_update(no_key=True).get(pk=factor.person_id)
    others = person.factors.exclude(pk=factor.pk).exists()
    if not others and rules.must_have_second(settings.SECOND_FACTOR, org.standing(person).posts):
        raise Refused(_("必须留一种：先登记另一种，再删这一种。"))
    factor.delete()
    if not others:
        RecoveryCode.objects.filter(person=person).delete()
    log.append("factor.remove", actor=log.actor(by), subject=("person", person.pk), data={"kind": factor.kind})
    _tell(person, "account.factor_removed", f"removed:{clock.now().isoformat()}", name=factor.name)


# Looked after by the security administrator ---------------------------------------------------------------------------


@transaction.atomic
def unlock(person: Person, *, by: int) -> None:
    """Lift the locks of wrong tries."""
    for key in (passwords.lock_key(person.username), f"second:{person.pk}"):
        attempts.succeeded(key)
    log.append("person.unlock", actor=log.actor(by), subject=("person", person.pk))


@transaction.atomic
def reset(person: Person, *, by: int) -> None:
    """Take all second factors of somebody who lost them; sessions end, and the next sign-in sets them up anew."""
    if person.pk == by:
        raise Refused(_("不能重置自己的：请另一位安全管理员办。"))
    n, _kinds = person.factors.all().delete()
    RecoveryCode.objects.filter(person=person).delete()
    end_others(person, "", by=by)
    log.append("factor.reset", actor=log.actor(by), subject=("person", person.pk), data={"n": n})
    _tell(person, "account.reset", f"reset:{clock.now().isoformat()}")


@transaction.atomic
def revoke(token: Token, *, by: int) -> None:
    """Take a person's token of the API back."""
    Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=clock.now())
    log.append("token.revoke", actor=log.actor(by), subject=("person", token.person_id), data={"token": token.digest[:12]})


@transaction.atomic
def change_password(person: Person, old: str, new: str, again: str) -> None:
    """Let a person choose another password; sessions elsewhere end with it."""
    if not attempts.begin(f"second:{person.pk}", limit=passwords.TRIES, lock=passwords.LOCK):
        raise Refused(_("输错次数太多，请 15 分钟后再试，或请安全管理员重置。"), "old")
    if not person.check_password(old):
        raise Refused(_("原密码不对。"), "old")
    if new != again:
        raise Refused(_("两次输入的新密码不一样。"), "again")
    if new == old:
        raise Refused(_("新密码和原密码一样。"), "new")
    try:
        org_actions.set_password(person, new, by=person.pk)
    except Refused as fault:
        raise Refused(fault.sentence, "new") from fault
    attempts.succeeded(f"second:{person.pk}")
    _tell(person, "account.password", f"password:{clock.now().isoformat()}")


# The city's own sign-in -----------------------------------------------------------------------------------------------


@transaction.atomic
def identify(told: oidc.Told) -> Person:
    """Find who a provider speaks of: who was bound to it, else, once, who has that user name; refuse all others."""
    known = Identity.objects.select_related("person").filter(issuer=told.issuer, subject=told.subject).first()
    person = known.person if known else Person.objects.filter(username=told.name).first() if told.name else None
    if person is None or not person.is_active:
        raise Refused(_("您的统一身份在这里还没有对应的人员，请找本单位管理员。"))
    if known is None:
        if Identity.objects.filter(person=person, issuer=told.issuer).exists():
            raise Refused(_("这个用户名已经对应另一个统一身份，请找安全管理员。"))
        row = Identity.objects.create(person=person, issuer=told.issuer, subject=told.subject)
        log.append("identity.bind", actor=log.actor(person.pk), subject=("person", person.pk), data={"identity": row.pk})
    return person


@transaction.atomic
def unbind(identity: Identity, *, by: int) -> None:
    """Let a person be found anew at the next sign-in by the provider."""
    identity.delete()
    log.append("identity.unbind", actor=log.actor(by), subject=("person", identity.person_id))


def forget(now: datetime | None = None) -> int:
    """Delete what is known of old sign-ins, and the sessions that are over."""
    n, _kinds = SignedIn.objects.filter(at__lt=(now or clock.now()) - rules.SIGN_INS_KEPT).delete()
    Session.objects.filter(expire_date__lt=now or clock.now()).delete()
    return n
