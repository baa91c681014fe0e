// Mouse, keys and buttons.
let asked = 0, idle = 0;

function ask() {
  showState();
  if (asked) return;
  asked = requestAnimationFrame(() => {
    asked = 0;
    draw(true);
    clearTimeout(idle);
    idle = setTimeout(() => { draw(false); keepState(); }, 200);
  });
}

function button(parent, text, title, act) {
  const b = document.createElement("button");
  b.textContent = text; b.title = title; b.onclick = () => { act(); ask(); };
  parent.append(b);
  return b;
}

const press = (b, on) => b.setAttribute("aria-pressed", String(!!on));

function showState() {
  byId("layers").childNodes.forEach((b, i) => press(b, i === S.layer));
  byId("sections").childNodes.forEach((b, i) => press(b, i === S.section));
  press(byId("cut"), S.cut);
  byId("floor").value = S.floor; byId("blend").value = S.blend; byId("metal").checked = S.metal > 0;
  byId("blend-label").hidden = S.section < 0;
  if (S.section >= 0) byId("real").querySelector("b").textContent = "real section " + META.sections[S.section].name;
  byId("xy").querySelector("b").textContent = `XY, z = ${S.at[2].toFixed(0)} µm`;
  byId("xz").querySelector("b").textContent = `XZ, y = ${S.at[1].toFixed(0)} µm`;
  byId("yz").querySelector("b").textContent = `YZ, x = ${S.at[0].toFixed(0)} µm`;
  byId("face").querySelector("b").textContent = "cut, face-on: " + LAYERS[S.layer];
  byId("legend").hidden = S.layer !== 3;
  byId("place").textContent = `--normal ${normal().map((x) => x.toFixed(4)).join(" ")} --depth-um ${depth().toFixed(0)}`;
}

function hover(id, event) {
  if (!["face", "real", "xy", "xz", "yz"].includes(id)) return;
  const p = pointed(id, event);
  const inside = p.every((x, i) => x >= 0 && x <= SIZE[i]);
  byId("place").textContent = `(x, y, z) = (${p.map((x) => x.toFixed(0)).join(", ")}) µm${inside ? "" : ", outside"}`;
}

// The point of the volume under the mouse, µm.
function pointed(id, event) {
  const at = window_(id), { css } = box(id);
  const f = [(event.clientX - css.left) / css.width, (event.clientY - css.top) / css.height];
  return plus(at.first, plus(scaled(at.u, f[0] * at.width), scaled(at.v, f[1] * at.height)));
}

const SLICED = { xy: 2, xz: 1, yz: 0 };  // the axis that a slice view's wheel moves along

function moveLines(id, event) {
  const p = pointed(id, event);
  for (let i = 0; i < 3; i++) if (i !== SLICED[id]) S.at[i] = clamp(p[i], 0, SIZE[i]);
}

function listenToMouse() {
  let drag = null;
  for (const view of document.querySelectorAll(".view")) {
    view.addEventListener("pointerdown", (e) => {
      drag = { id: view.id, x: e.clientX, y: e.clientY, tilt: view.id === "face" || e.shiftKey || e.button === 2 };
      view.setPointerCapture(e.pointerId);
      if (view.id in SLICED) { moveLines(view.id, e); ask(); }
    });
    view.addEventListener("pointermove", (e) => {
      if (!drag) { hover(view.id, e); return; }
      const dx = e.clientX - drag.x, dy = e.clientY - drag.y, c = camera();
      drag.x = e.clientX; drag.y = e.clientY;
      if (drag.id in SLICED) moveLines(drag.id, e);
      else if (drag.id === "solid" && !drag.tilt) turnCamera(-dx * 0.007, -dy * 0.007);
      else if (drag.id === "solid") tiltPlane(c.rightward, c.upward, dx * 0.006, dy * 0.006);
      else if (drag.id === "face") tiltPlane(S.u, scaled(S.v, -1), dx * 0.004, dy * 0.004);
      ask();
    });
    for (const name of ["pointerup", "pointercancel"]) view.addEventListener(name, () => { drag = null; });
    view.addEventListener("pointerleave", showState);
    view.addEventListener("contextmenu", (e) => e.preventDefault());
    view.addEventListener("wheel", (e) => {
      e.preventDefault();
      const s = Math.sign(e.deltaY || e.deltaX);
      if (view.id in SLICED) { const i = SLICED[view.id]; S.at[i] = clamp(S.at[i] - s * VOXEL, 0, SIZE[i]); }
      else if (view.id === "solid" && !e.shiftKey) S.zoom = clamp(S.zoom * (s > 0 ? 0.9 : 1.1), 0.3, 20);
      else movePlane(s * VOXEL * 2);
      ask();
    }, { passive: false });
  }
}

const KEYS = {
  ArrowLeft: (c, tilt) => (tilt ? tiltPlane(c.rightward, c.upward, -0.05, 0) : turnCamera(0.09, 0)),
  ArrowRight: (c, tilt) => (tilt ? tiltPlane(c.rightward, c.upward, 0.05, 0) : turnCamera(-0.09, 0)),
  ArrowUp: (c, tilt) => (tilt ? tiltPlane(c.rightward, c.upward, 0, -0.05) : turnCamera(0, 0.09)),
  ArrowDown: (c, tilt) => (tilt ? tiltPlane(c.rightward, c.upward, 0, 0.05) : turnCamera(0, -0.09)),
  PageUp: () => movePlane(VOXEL * 2), PageDown: () => movePlane(-VOXEL * 2),
  "+": () => (S.zoom = clamp(S.zoom * 1.1, 0.3, 20)), "-": () => (S.zoom = clamp(S.zoom * 0.9, 0.3, 20)),
  c: () => (S.cut = 1 - S.cut), f: flipPlane, r: reset, "?": toggleHelp,
  x: () => snapPlane("yz"), y: () => snapPlane("xz"), z: () => snapPlane("xy"),
  s: () => META.sections.length && goToSection((S.section + 1) % META.sections.length),
};

function reset() {
  S = JSON.parse(JSON.stringify(START));
  faceCamera();
}
function toggleHelp() {
  byId("keys").hidden = !byId("keys").hidden;
  byId("help").setAttribute("aria-expanded", String(!byId("keys").hidden));
}

function listenToKeys() {
  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || (e.target.tagName === "INPUT" && e.key.startsWith("Arrow"))) return;
    const act = KEYS[e.key.length === 1 ? e.key.toLowerCase() : e.key], layer = "1234".indexOf(e.key);
    if (layer >= 0 && e.key.length === 1 && layer < LAYERS.length) S.layer = layer;
    else if (act) act(camera(), e.shiftKey);
    else return;
    e.preventDefault();
    ask();
  });
}

function makeButtons() {
  LAYERS.forEach((name, i) => button(byId("layers"), name, "key " + (i + 1), () => { S.layer = i; }));
  META.sections.forEach((s, i) => button(byId("sections"), s.name, "put the plane onto this section (key S)", () => goToSection(i)));
  for (const b of document.querySelectorAll("[data-axis]")) b.onclick = () => { snapPlane(b.dataset.axis); ask(); };
  byId("cut").onclick = () => { S.cut = 1 - S.cut; ask(); };
  byId("flip").onclick = () => { flipPlane(); ask(); };
  byId("reset").onclick = () => { reset(); ask(); };
  byId("help").onclick = toggleHelp;
  byId("floor").oninput = (e) => { S.floor = +e.target.value; ask(); };
  byId("blend").oninput = (e) => { S.blend = +e.target.value; ask(); };
  byId("metal").onchange = (e) => { S.metal = +e.target.checked; ask(); };
  if (META.most_doubt) byId("legend").lastChild.textContent = ` ${META.most_doubt} of 255 and more`;
  byId("metal-label").hidden = !META.implant;
}
