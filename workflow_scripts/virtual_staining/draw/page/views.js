// The views: what each shows, its scale bar and lines.
const COARSE = 3;  // a view that is being dragged is drawn with so many times fewer pixels a side
const SLOW_MS = 45;
const voxels = (um) => scaled(um, 1 / VOXEL);
let slow = true;

function box(id) {
  const b = byId(id).getBoundingClientRect(), k = devicePixelRatio || 1;
  return { x: Math.round(b.left * k), y: Math.round(canvas.height - b.bottom * k), w: Math.round(b.width * k), h: Math.round(b.height * k), css: b };
}

// The window of a plane's view, µm: its upper left corner and its sides.
function window_(id) {
  const { css } = box(id), aspect = css.width / css.height;
  const planes = {
    face: [S.middle, S.u, S.v, fieldOf(S.u, S.v)], real: [S.middle, S.u, S.v, fieldOf(S.u, S.v)],
    xy: [[CENTER[0], CENTER[1], S.at[2]], AXES.xy.u, AXES.xy.v, [SIZE[0], SIZE[1]]],
    xz: [[CENTER[0], S.at[1], CENTER[2]], AXES.xz.u, AXES.xz.v, [SIZE[0], SIZE[2]]],
    yz: [[S.at[0], CENTER[1], CENTER[2]], AXES.yz.u, AXES.yz.v, [SIZE[1], SIZE[2]]],
  };
  const [middle, u, v, field] = planes[id], height = Math.max(field[1], field[0] / aspect) * 1.04, width = height * aspect;
  return { first: plus(middle, plus(scaled(u, -width / 2), scaled(v, -height / 2))), u, v, width, height };
}

// How far the volume reaches along two directions: of a section, its picture's size.
function fieldOf(u, v) {
  if (S.section >= 0) return META.sections[S.section].size_um;
  const along = (a) => SIZE.reduce((sum, s, i) => sum + Math.abs(a[i]) * s, 0);
  return [along(u) * 0.8, along(v) * 0.8];
}

function common() {
  return {
    stain: 0, kind: 1, section: 2, count: COUNT, layer: S.layer, metal: 0,
    middle: voxels(S.middle), across: S.u, cutFace: 0, blend: 0, toSection: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  };
}

function drawSolid(fast) {
  const { x, y, w, h } = box("solid"), n = normal(), aspect = w / h;
  const half = (BODY.radius_um * 1.05) / S.zoom / VOXEL / Math.min(1, aspect);
  const values = {
    ...common(), ...camera(), center: voxels(BODY.middle_um), half_: half, aspect, stride_: fast ? 1.3 : 0.6,
    clear: S.floor, metal: S.metal, cut: S.cut, plane: [...n, dot(n, voxels(S.middle))],
  };
  if (fast && slow) {
    const a = Math.ceil(w / COARSE), b = Math.ceil(h / COARSE);
    coarseFrame(a, b);
    gl.disable(gl.SCISSOR_TEST);
    gl.viewport(0, 0, a, b);
    paint(programs.rays, values);
    gl.enable(gl.SCISSOR_TEST);
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, coarse.frame);
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, null);
    gl.scissor(x, y, w, h);
    gl.blitFramebuffer(0, 0, a, b, x, y, x + w, y + h, gl.COLOR_BUFFER_BIT, gl.LINEAR);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  } else {
    gl.viewport(x, y, w, h);
    gl.scissor(x, y, w, h);
    paint(programs.rays, values);
  }
  scaleBar("solid", (2 * half * VOXEL * aspect) / box("solid").css.width);
  drawTriad();
}

function drawPlane(id) {
  const { x, y, w, h, css } = box(id), at = window_(id), values = common();
  Object.assign(values, { first: voxels(at.first), right: scaled(at.u, at.width / VOXEL), down: scaled(at.v, at.height / VOXEL) });
  if (id === "face" || id === "real") {
    values.cutFace = 1;
    if (S.section >= 0) {
      const s = META.sections[S.section], from = minus(at.first, s.origin);
      gl.activeTexture(gl.TEXTURE2);
      gl.bindTexture(gl.TEXTURE_2D, volume.sections[S.section]);
      values.toSection = [at.width / s.size_um[0], 0, 0, 0, at.height / s.size_um[1], 0, dot(from, s.u) / s.size_um[0], dot(from, s.v) / s.size_um[1], 1];
      values.blend = id === "real" ? 2 : S.blend;
    }
  }
  gl.viewport(x, y, w, h);
  gl.scissor(x, y, w, h);
  paint(programs.slice, values);
  scaleBar(id, at.width / css.width);
}

function scaleBar(id, umPerPixel) {
  const bar = byId(id).querySelector(".bar"), longest = (byId(id).clientWidth / 3) * umPerPixel;
  const decade = 10 ** Math.floor(Math.log10(longest)), um = [5, 2, 1].find((m) => m * decade <= longest) * decade;
  bar.style.width = um / umPerPixel + "px";
  bar.textContent = um < 1000 ? um + " µm" : um / 1000 + " mm";
}

// Where the axes point, in the volume's lower right corner.
function drawTriad() {
  const { css } = box("solid"), { rightward, upward } = camera(), o = [css.width - 60, css.height - 60];
  byId("solid").querySelector("svg").innerHTML = ["x", "y", "z"].map((name, i) => {
    const axis = [0, 0, 0]; axis[i] = 1;
    const e = [o[0] + 36 * dot(axis, rightward), o[1] - 36 * dot(axis, upward)];
    const colour = ["#d55e00", "#009e73", "#0072b2"][i];
    return `<line x1="${o[0]}" y1="${o[1]}" x2="${e[0]}" y2="${e[1]}" style="stroke:${colour};stroke-width:2"/>` +
      `<text x="${e[0] + 3}" y="${e[1] + 4}" fill="${colour}">${name}</text>`;
  }).join("");
}

// Lines of the other slices and of the cut in the slice views.
function drawLines(id) {
  const at = window_(id), { css } = box(id), point = (p) => [(dot(minus(p, at.first), at.u) / at.width) * css.width, (dot(minus(p, at.first), at.v) / at.height) * css.height];
  const here = point(S.at), lines = [[0, here[1], css.width, here[1], ""], [here[0], 0, here[0], css.height, ""]];
  const n = normal(), w = cross(at.u, at.v), along = cross(n, w);
  if (S.cut && Math.hypot(...along) > 0.02) {  // the cut's trace
    const d = unit(along), inPlane = cross(w, d), gap = dot(minus(S.middle, at.first), n) / dot(inPlane, n);
    const foot = plus(at.first, scaled(inPlane, gap)), a = point(plus(foot, scaled(d, -3 * DIAGONAL))), b = point(plus(foot, scaled(d, 3 * DIAGONAL)));
    lines.push([...a, ...b, "plane"]);
  }
  byId(id).querySelector("svg").innerHTML = lines.map(([a, b, c, d, kind]) => `<line class="${kind}" x1="${a}" y1="${b}" x2="${c}" y2="${d}"/>`).join("");
}

function draw(fast) {
  const k = devicePixelRatio || 1, w = Math.round(innerWidth * k), h = Math.round(innerHeight * k);
  document.body.classList.toggle("paired", S.section >= 0);
  byId("real").hidden = S.section < 0;
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  gl.enable(gl.SCISSOR_TEST);
  const start = performance.now();
  drawSolid(fast);
  for (const id of ["face", "xy", "xz", "yz", ...(S.section >= 0 ? ["real"] : [])]) drawPlane(id);
  for (const id of ["xy", "xz", "yz"]) drawLines(id);
  if (fast) hideFine();
  else askFine();
  if (!fast) {  // waits until all is drawn, to learn how fast this machine is
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    slow = performance.now() - start > SLOW_MS;
  }
}
