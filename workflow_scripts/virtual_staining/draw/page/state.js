// What is shown. Lengths are µm from the volume's outer corner; the address keeps the state.
const META = JSON.parse(document.getElementById("meta").textContent);
const VOXEL = META.voxel_um, BODY = META.body, COUNT = META.shape.slice().reverse(), SIZE = META.size_um;
const CENTER = scaled(SIZE, 0.5), DIAGONAL = Math.hypot(...SIZE);
const LAYERS = ["stain", "CT", "half and half", ...(META.most_doubt ? ["uncertainty"] : [])];
const AXES = {  // the plane's x and y axes; as `section --normal` lays them
  xy: { u: [1, 0, 0], v: [0, 1, 0] },
  xz: { u: [1, 0, 0], v: [0, 0, -1] },
  yz: { u: [0, 1, 0], v: [0, 0, 1] },
};

const START = {
  middle: META.start.middle, u: META.start.u, v: META.start.v, at: META.start.middle.slice(),
  right: [1, 0, 0], up: [0, 0, 1], zoom: 1, cut: 1, layer: 0, floor: 0.3, metal: 1, section: META.sections.length ? 0 : -1, blend: 0,
};
let S;

// Look onto the plane's face, a little from the side.
function faceCamera() {
  S.right = S.u.slice(); S.up = scaled(S.v, -1);
  turnCamera(0.55, 0.35);
}
function turnCamera(sideways, upwards) {
  S.right = turned(S.right, S.up, sideways);
  S.up = turned(S.up, S.right, upwards);
  S.right = unit(S.right); S.up = unit(minus(S.up, scaled(S.right, dot(S.up, S.right))));
}

function readState() {
  S = JSON.parse(JSON.stringify(START));
  faceCamera();
  try {
    const given = JSON.parse(decodeURIComponent(location.hash.slice(1)));
    for (const key in S) if (typeof given[key] === typeof S[key]) S[key] = given[key];
    S.u = unit(S.u); S.v = unit(minus(S.v, scaled(S.u, dot(S.u, S.v))));
    S.layer = clamp(Math.round(S.layer), 0, LAYERS.length - 1);
    S.section = clamp(Math.round(S.section), -1, META.sections.length - 1);
    S.right = unit(S.right); S.up = unit(minus(S.up, scaled(S.right, dot(S.up, S.right))));
    if (![...S.u, ...S.v, ...S.middle, ...S.at, ...S.right, ...S.up, S.zoom].every(Number.isFinite)) throw new Error("numbers");
  } catch (e) {
    if (location.hash.length > 1) { S = JSON.parse(JSON.stringify(START)); faceCamera(); }
  }
}

function keepState() {
  const short = JSON.parse(JSON.stringify(S, (k, x) => (typeof x === "number" ? +x.toPrecision(6) : x)));
  try { history.replaceState(null, "", "#" + encodeURIComponent(JSON.stringify(short))); } catch (e) { /* a data: address */ }
}

const normal = () => cross(S.u, S.v);
const depth = () => dot(minus(S.middle, CENTER), normal());

// Moves and tilts leave the section's pose.
function movePlane(um) {
  S.middle = plus(S.middle, scaled(normal(), um)); S.section = -1;
}
function tiltPlane(right, up, a, b) {
  S.u = turned(turned(S.u, up, a), right, b); S.v = turned(turned(S.v, up, a), right, b);
  S.u = unit(S.u); S.v = unit(minus(S.v, scaled(S.u, dot(S.u, S.v)))); S.section = -1;
}
function snapPlane(axis) {
  S.u = AXES[axis].u.slice(); S.v = AXES[axis].v.slice(); S.middle = S.at.slice(); S.section = -1;
  faceCamera();
}
function goToSection(k) {
  const s = META.sections[k];
  S.section = k; S.u = s.u.slice(); S.v = s.v.slice(); S.middle = s.middle.slice(); S.cut = 1;
  faceCamera();
}
function flipPlane() {
  S.u = scaled(S.u, -1); S.section = -1;
}

function camera() {
  const ahead = cross(S.up, S.right).map((x) => (Math.abs(x) < 1e-6 ? 1e-6 : x));  // rays divide by it
  return { ahead, rightward: S.right, upward: S.up };
}
