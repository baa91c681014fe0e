"""The server of `view`: its pages, ranges and planes, and that it gives nothing else away."""

import http.client
import io
import threading

import numpy as np
import pytest
from browser import Browser, chromium
from drawn_study import BONE, READY, SECTION, TISSUE, draw, make_study, near, of_view
from PIL import Image

from virtual_staining.artefacts.paths import Results
from virtual_staining.cli import main
from virtual_staining.view.neuroglancer_links import state_of
from virtual_staining.view.server import serve

PLANE = "/planes/tb/model/V?origin=0,0,640&u=1,0,0&v=0,1,0&pixel_um=20&width=64&height=64"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("view")
    (folder / "secret.txt").write_text("secret")
    results = make_study(folder)
    assert draw(results, "S-1") == 0
    (results.root / "link.txt").symlink_to(folder / "secret.txt")
    (results.root / "numbers").write_bytes(bytes(range(100)))
    return results


@pytest.fixture(scope="module")
def address(results):
    with serve(results, 0) as (server, address):
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield address
        server.shutdown()
        thread.join()


def ask(address, path, method="GET", **headers):
    connection = http.client.HTTPConnection(address.split("/")[2], timeout=30)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read(), answer.headers
    connection.close()
    return found


def test_the_list_names_the_volumes(address):
    status, text, _ = ask(address, "/")
    assert status == 200 and b"tb, model, V" in text
    assert b"/files/11_draw/tb/model/V/volume.html" in text


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [
        ("", 200, bytes(range(100))),
        ("bytes=10-19", 206, bytes(range(10, 20))),
        ("bytes=95-", 206, bytes(range(95, 100))),
        ("bytes=-3", 206, bytes(range(97, 100))),
        ("bytes=90-500", 206, bytes(range(90, 100))),
        ("bytes=100-", 416, b""),
        ("bytes=7-3", 416, b""),
    ],
)
def test_ranges(address, asked, status, expected):
    headers = {"Range": asked} if asked else {}
    found, content, answer = ask(address, "/files/numbers", **headers)
    assert (found, content) == (status, expected)
    if status == 206:
        first = expected[0]
        assert answer["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/100"


@pytest.mark.parametrize(
    "path",
    [
        "/files/../secret.txt", "/files/%2e%2e/secret.txt", "/files//etc/passwd", "/files/link.txt",
        "/files/", "/files/10_stain", "/files/nothing", "/files/a%00b", "/secret.txt",
        "/planes/tb/model/W" + PLANE[20:], "/planes/../..",
    ],
)  # fmt: skip
def test_nothing_else_is_given_away(address, path):
    status, content, _ = ask(address, path)
    assert status == 404 and b"secret" not in content and b"root" not in content


def test_only_reading_and_only_this_machine(address):
    for method in ("PUT", "POST", "DELETE"):
        assert ask(address, "/files/numbers", method)[0] == 501
    assert ask(address, "/", Host="evil.example:80")[0] == 403
    assert ask(address, "/", "HEAD")[:2] == (200, b"")
    assert address.startswith("http://127.0.0.1:")
    assert "Access-Control-Allow-Origin" not in ask(address, "/files/numbers")[2]


def test_planes_show_stain_and_ct_in_place(address):
    status, content, _ = ask(address, PLANE)
    assert status == 200
    image = np.asarray(Image.open(io.BytesIO(content)))
    assert image.shape == (64, 64, 3) and near(image, TISSUE) > 0.2 and near(image, BONE) > 0.2
    np.testing.assert_allclose(image[32, 8], TISSUE, atol=12)  # x = 170 µm
    np.testing.assert_allclose(image[32, 56], BONE, atol=12)
    ct = np.asarray(Image.open(io.BytesIO(ask(address, PLANE + "&window=8000,32000")[1])))
    assert ct.ndim == 2 and ct[32, 56] > ct[32, 8] + 20


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("&width=64", ""), ("width=64", "width=9999"), ("u=1,0,0", "u=1,1,0"),
        ("pixel_um=20", "pixel_um=nan"), ("origin=0,0,640", "origin=0,640"), ("u=1,0,0", "u=a,b,c"),
        ("pixel_um=20", "pixel_um=20&window=5,5"), ("pixel_um=20", "pixel_um=20&window=5"),
    ],
)  # fmt: skip
def test_a_wrong_plane_is_a_sentence(address, old, new):
    status, content, _ = ask(address, PLANE.replace(old, new))
    assert status == 400 and content.startswith(b"plane: ")


def test_the_page_gets_the_cut_at_full_resolution(address, tmp_path):
    chromium()
    with Browser(tmp_path) as browser:
        browser.open(address + "files/11_draw/tb/model/V/volume.html", READY)
        browser.wait("!document.getElementById('fine').hidden")
        face = of_view(browser, "face")
        assert min(near(face, TISSUE), near(face, BONE)) > 0.1 and near(face, SECTION) == 0
        browser.run("document.getElementById('fine').hidden = true")
        coarse = of_view(browser, "face")
        # the same place: colours differ at edges alone (and beyond the volume, white or grey)
        assert np.median(np.abs(coarse.astype(int) - face)) <= 3
        assert not browser.complaints


def test_neuroglancer_gets_all_channels_of_a_voxel():
    state = state_of("http://127.0.0.1:1/files/v.ome.zarr", (10, 20, 30), 5.0)
    (layer,) = state["layers"]
    axes = layer["source"]["transform"]["outputDimensions"]
    assert list(axes) == ["c^", "z", "y", "x"] and axes["x"] == [5e-6, "m"]
    assert state["position"] == [15, 10, 5]


def test_a_folder_without_volumes_is_refused(tmp_path, capsys):
    assert main(["view", str(Results(tmp_path))]) == 1
    assert "no stained volumes" in (said := capsys.readouterr().err)
    assert "the one that holds 10_stain" in said
