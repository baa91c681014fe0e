// WebGL2: programs, textures, the volume's upload.
const byId = (id) => document.getElementById(id);
const canvas = byId("gl");
let gl, programs, volume, coarse;

function program(fragment) {
  const p = gl.createProgram();
  for (const [type, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(p, shader);
  }
  gl.bindAttribLocation(p, 0, "corner");
  gl.linkProgram(p);
  if (!gl.getProgramParameter(p, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(p));
  const uniforms = {};
  for (let i = 0; i < gl.getProgramParameter(p, gl.ACTIVE_UNIFORMS); i++) {
    const u = gl.getActiveUniform(p, i);
    uniforms[u.name] = { type: u.type, place: gl.getUniformLocation(p, u.name) };
  }
  return { p, uniforms };
}

// Run a program over the viewport with values for its uniforms; other values are ignored.
function paint({ p, uniforms }, values) {
  gl.useProgram(p);
  for (const name in uniforms) {
    const { type, place } = uniforms[name], x = values[name];
    if (x === undefined) throw new Error("no value for " + name);
    if (type === gl.FLOAT) gl.uniform1f(place, x);
    else if (type === gl.FLOAT_VEC2) gl.uniform2fv(place, x);
    else if (type === gl.FLOAT_VEC3) gl.uniform3fv(place, x);
    else if (type === gl.FLOAT_VEC4) gl.uniform4fv(place, x);
    else if (type === gl.FLOAT_MAT3) gl.uniformMatrix3fv(place, false, x);
    else gl.uniform1i(place, x);
  }
  gl.drawArrays(gl.TRIANGLES, 0, 3);
}

function smooth(target) {
  for (const [k, x] of [["MIN_FILTER", "LINEAR"], ["MAG_FILTER", "LINEAR"], ["WRAP_S", "CLAMP_TO_EDGE"], ["WRAP_T", "CLAMP_TO_EDGE"]])
    gl.texParameteri(target, gl["TEXTURE_" + k], gl[x]);
  if (target === gl.TEXTURE_3D) gl.texParameteri(target, gl.TEXTURE_WRAP_R, gl.CLAMP_TO_EDGE);
}

async function picture(id, unit_) {
  const image = byId(id);
  await image.decode();
  const texture = gl.createTexture();
  gl.activeTexture(gl.TEXTURE0 + unit_);
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, image);
  smooth(gl.TEXTURE_2D);
  return texture;
}

// Unpack mosaics into a 3D texture.
async function unpacked(unit_, names) {
  const texture = gl.createTexture(), frame = gl.createFramebuffer(), [nx, ny, nz] = COUNT, grid = META.mosaic;
  gl.activeTexture(gl.TEXTURE0 + unit_);
  gl.bindTexture(gl.TEXTURE_3D, texture);
  gl.texStorage3D(gl.TEXTURE_3D, 1, gl.RGBA8, nx, ny, nz);
  smooth(gl.TEXTURE_3D);
  for (let z = 0, page = 0; z < nz; page++) {
    const sources = [];
    for (let i = 0; i < names.length; i++) sources.push(await picture(names[i] + page, 4 + i));
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
    gl.viewport(0, 0, nx, ny);
    for (let i = 0; i < grid.columns * grid.rows && z < nz; i++, z++) {
      gl.framebufferTextureLayer(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, texture, 0, z);
      const at = [(i % grid.columns) * grid.width, Math.floor(i / grid.columns) * grid.height];
      paint(programs.fill, { rgb: 4, grey: 3 + names.length, joined: names.length - 1, at, size: [nx, ny] });
    }
    for (const source of sources) gl.deleteTexture(source);
  }
  gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  gl.deleteFramebuffer(frame);
  return texture;
}

async function setUp() {
  gl = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true, powerPreference: "high-performance" });
  if (!gl) throw new Error("this browser offers no WebGL2");
  if (gl.getParameter(gl.MAX_3D_TEXTURE_SIZE) < Math.max(...COUNT)) throw new Error("this graphics card takes no 3D textures of this size");
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
  gl.enableVertexAttribArray(0);
  gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  programs = { fill: program(FILL), slice: program(SLICE), rays: program(RAYS) };
  volume = { stain: await unpacked(0, ["stain", "ct"]), kind: await unpacked(1, ["kind"]), sections: [] };
  for (let k = 0; k < META.sections.length; k++) volume.sections.push(await picture("section" + k, 2));
  if (!volume.sections.length) {  // something to bind where there is none
    gl.activeTexture(gl.TEXTURE2);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 1, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, null);
  }
  coarse = { texture: gl.createTexture(), frame: gl.createFramebuffer(), size: [0, 0] };
}

function coarseFrame(w, h) {
  gl.activeTexture(gl.TEXTURE6);
  gl.bindTexture(gl.TEXTURE_2D, coarse.texture);
  if (coarse.size[0] !== w || coarse.size[1] !== h) {
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, w, h, 0, gl.RGBA, gl.UNSIGNED_BYTE, null);
    smooth(gl.TEXTURE_2D);
    coarse.size = [w, h];
  }
  gl.bindFramebuffer(gl.FRAMEBUFFER, coarse.frame);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, coarse.texture, 0);
}
