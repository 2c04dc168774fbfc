"""Files of a ticket are handed out to be saved, to whoever may see them, as what they are and not as what they are called."""

import hashlib

import pytest

from engine.channels import Attachment
from tests.support.downloads import links, saved
from tests.support.website import Website

PNG = b"\x89PNG\r\n\x1a\n....IHDR"
PAGE = b"<html><script>alert(1)</script></html>"


def sent(site: Website, *files: tuple[str, str, bytes], sender: str = "lan@customer.test") -> str:
    return site.take(text="系统宕机", attachments=tuple(Attachment(*file) for file in files), sender=sender)


def test_files_of_a_ticket_are_saved_by_whoever_may_see_it_as_what_is_in_them(shared_site: Website) -> None:
    number = sent(
        shared_site,
        ("屏幕 截图（一）.png", "text/html", PNG),
        ("page.png", "image/png", PAGE),
        ("../..\\run\u202egpj.exe", "image/jpeg", b"MZ\x90\x00\x03"),
    )
    client = shared_site.client_of("qian")
    page = client.get(f"/console/tickets/{number}")
    found = [saved(client.get(address)) for address in links(page).values()]
    assert found == [
        ("屏幕 截图（一）.png", "image/png", PNG),
        ("page.png", "text/plain; charset=utf-8", PAGE),
        ("_.._rungpj.exe", "application/octet-stream", b"MZ\x90\x00\x03"),
    ]
    digest = hashlib.sha256(PNG).hexdigest()
    assert digest not in page.text
    address = links(page)["page.png"]
    with shared_site.engine.store.read() as reader:
        looks = [row.who for row in reader.audits() if row.about == number]
    assert looks == ["qian"] * 4  # the page and each file
    assert shared_site.client_of("lin").get(address).status_code == 403
    assert shared_site.client.get(address).status_code == 303
    other = sent(shared_site, sender="bai@customer.test")
    assert client.get(address.replace(number, other, 1)).status_code == 404


def test_nothing_but_a_file_is_handed_out_as_one(shared_site: Website) -> None:
    number = sent(shared_site, ("a.png", "image/png", PNG))
    client = shared_site.client_of("qian")
    [address] = links(client.get(f"/console/tickets/{number}")).values()
    with shared_site.engine.store.read() as reader:
        others = [id for id, kind, _ in reader.content_of(number) if kind != "attachment"]
    assert others
    wrong = [f"/console/tickets/{number}/files/{id}/0" for id in (*others, "..", "%2e%2e", "x" * 300)]
    assert {client.get(one).status_code for one in (*wrong, address.removesuffix("0") + "1")} == {404}
    [kept] = (shared_site.engine.project.var / "attachments").rglob(hashlib.sha256(PNG).hexdigest())
    content = kept.read_bytes()
    kept.unlink()  # as erasure does
    assert client.get(address).status_code == 404
    kept.write_bytes(content)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_customers_save_what_they_sent_and_what_was_sent_to_them_and_nothing_else(shared_site: Website, language: str) -> None:
    sender = f"mei-{language}@customer.test"
    number = shared_site.take(
        sender=sender, text="我要退货", fields={"kind": "after_sales"}, attachments=(Attachment("发票.png", "", PNG),)
    )
    assert shared_site.act(number, "article", actor="zhou", target="return-exchange") is None
    agent = shared_site.engine.world.team.agents["zhou"]
    token = shared_site.engine.tokens.make(number, "zhou")
    note = (Attachment("internal.txt", "", b"difficult"),)
    assert shared_site.take(sender=agent.email, text="note 见附件", tokens=(token,), attachments=note) == number
    path = shared_site.engine.tokens.link(number).removeprefix(shared_site.url)
    found = links(shared_site.client.get(path, headers={"accept-language": language}))
    assert list(found) == ["发票.png", "return-form.txt"]
    assert saved(shared_site.client.get(found["发票.png"])) == ("发票.png", "image/png", PNG)
    name, media, content = saved(shared_site.client.get(found["return-form.txt"]))
    assert (name, media) == ("return-form.txt", "text/plain; charset=utf-8")
    assert content == (shared_site.engine.project.policies / "knowledge" / "return-form.txt").read_bytes()
    inside = links(shared_site.client_of("zhou").get(f"/console/tickets/{number}"))
    assert sorted(inside) == ["internal.txt", "return-form.txt", "发票.png"]
    internal = inside["internal.txt"].partition("/files/")[2]
    assert shared_site.client.get(f"{path}/files/{internal}").status_code == 404
    other = shared_site.take(sender=sender, text="我要退货", attachments=(Attachment("另一张.png", "", PNG),))
    theirs = links(shared_site.client_of("zhou").get(f"/console/tickets/{other}")).popitem()[1].partition("/files/")[2]
    assert shared_site.client.get(f"{path}/files/{theirs}").status_code == 404
    assert shared_site.client.get(f"{path}x/files/{theirs}").status_code == 404
