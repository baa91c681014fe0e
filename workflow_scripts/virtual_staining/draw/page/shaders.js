// GLSL. Positions are voxels from the volume's outer corner, (x, y, z); textures: `stain` holds RGB
// and the CT, `kind` the specimen (r), the implant (g) and the uncertainty (b).

const VERTEX = `#version 300 es
in vec2 corner; out vec2 q;
void main() { q = corner; gl_Position = vec4(corner, 0, 1); }`;

const HEAD = `#version 300 es
precision highp float; precision highp sampler3D;
in vec2 q; out vec4 color;
`;

// One slice of the mosaics into one layer of a 3D texture: the GPU unpacks, no pixel is read back.
const FILL = HEAD + `
uniform sampler2D rgb, grey; uniform vec2 at, size; uniform int joined;
void main() {
  ivec2 i = ivec2(at + (q * .5 + .5) * size);
  vec4 s = texelFetch(rgb, i, 0);
  color = joined == 1 ? vec4(s.rgb, texelFetch(grey, i, 0).r) : s;
}`;

const COMMON = `
uniform sampler3D stain, kind; uniform vec3 count; uniform int layer; uniform float metal;
uniform vec3 middle, across;   // of the plane: half of the cut shows the CT
const vec3 METAL = vec3(.64, .66, .69);
vec4 stainAt(vec3 x) { return texture(stain, x / count); }
vec4 kindAt(vec3 x) { return texture(kind, x / count); }
vec3 heat(float t) {  // dark blue, magenta, orange, light yellow
  vec3 a = mix(vec3(.05, .03, .3), vec3(.7, .15, .45), clamp(t * 2.5, 0., 1.));
  a = mix(a, vec3(.98, .6, .15), clamp(t * 2.5 - 1., 0., 1.));
  return mix(a, vec3(1., 1., .75), clamp(t * 3. - 2., 0., 1.));
}
vec3 shown(vec3 x, bool cutFace) {
  vec4 s = stainAt(x), k = kindAt(x);
  vec3 c = mix(s.rgb, METAL, metal * smoothstep(.4, .6, k.g));
  if (layer == 1) return vec3(s.a);
  if (layer == 2 && cutFace && dot(x - middle, across) > 0.) return vec3(s.a);
  if (layer == 3) return mix(vec3(1), heat(k.b), smoothstep(.4, .6, k.r));
  return c;
}
float opacity(vec3 x) {
  vec4 s = stainAt(x);
  return (layer == 1 ? s.a : 1. - (s.r + s.g + s.b) / 3.) * kindAt(x).r;
}
`;

// A plane: `first` is the voxel of the upper left corner, `right` and `down` span the picture.
const SLICE = HEAD + COMMON + `
uniform vec3 first, right, down; uniform int cutFace;
uniform sampler2D section; uniform mat3 toSection; uniform float blend;  // 2: the section alone
void main() {
  vec2 f = vec2(q.x * .5 + .5, .5 - q.y * .5);
  vec3 x = first + right * f.x + down * f.y;
  bool out_ = any(lessThan(x, vec3(0))) || any(greaterThan(x, count));
  vec3 c = out_ ? vec3(.93) : shown(x, cutFace == 1);
  if (cutFace == 1 && layer == 2 && abs(dot(x - middle, across)) < length(right) * .0012) c = vec3(.84, .37, 0.);
  if (blend > 0.) {
    vec2 p = (toSection * vec3(f, 1)).xy;
    if (all(greaterThan(p, vec2(0))) && all(lessThan(p, vec2(1)))) c = mix(c, texture(section, p).rgb, min(blend, 1.));
    else if (blend > 1.) c = vec3(.93);
  }
  color = vec4(c, 1);
}`;

// Rays through the volume, parallel to `ahead`; what lies before the plane is cut away.
const RAYS = HEAD + COMMON + `
uniform vec3 rightward, upward, ahead, center; uniform float half_, aspect, stride_, clear; uniform vec4 plane; uniform int cut;
float seen(vec3 x) {
  float metallic = metal * kindAt(x).g;
  return max(clamp((opacity(x) - clear) / (1. - clear), 0., 1.), smoothstep(.4, .6, metallic));
}
void main() {
  vec3 x0 = center + (rightward * q.x * aspect + upward * q.y) * half_ - ahead * 2000.;
  vec3 inverse_ = 1. / ahead, a = -x0 * inverse_, b = (count - x0) * inverse_, lo = min(a, b), hi = max(a, b);
  float t = max(max(lo.x, lo.y), lo.z), end = min(min(hi.x, hi.y), hi.z);
  bool onCut = false;
  if (cut == 1) {  // keep dot(plane.xyz, x) > plane.w
    float d = dot(plane.xyz, ahead), s = (plane.w - dot(plane.xyz, x0)) / d;
    if (d > 0.) { if (s > t) { t = s; onCut = true; } } else end = min(end, s);
  }
  if (end <= t) { color = vec4(1); return; }
  if (onCut) {
    vec3 x = x0 + ahead * t;
    if (kindAt(x).r > .7) { color = vec4(shown(x, true), 1); return; }
  }
  vec3 light = normalize(-ahead - .45 * rightward + .5 * upward), sum = vec3(0);
  float left = 1., jitter = fract(sin(dot(gl_FragCoord.xy, vec2(12.9898, 78.233))) * 43758.5453);
  t += stride_ * jitter;
  for (int i = 0; i < 3000; i++) {
    if (t >= end || left < .02) break;
    vec3 x = x0 + ahead * t; float o = seen(x);
    if (o > .01) {
      vec3 e = vec3(1.4, 0, 0);
      vec3 g = vec3(seen(x + e.xyy) - seen(x - e.xyy), seen(x + e.yxy) - seen(x - e.yxy), seen(x + e.yyx) - seen(x - e.yyx));
      float size = length(g), facing = max(0., -dot(g, light));
      float shade = mix(.95, .45 + .55 * facing / (size + 1e-4), smoothstep(.02, .15, size));
      float shine = metal * smoothstep(.4, .6, kindAt(x).g) * pow(facing / (size + 1e-4), 24.) * .35;
      float w = 1. - pow(1. - min(o, .999), stride_);
      sum += left * w * (shown(x, false) * shade + shine); left *= 1. - w;
    }
    t += stride_;
  }
  color = vec4(sum + left, 1);
}`;
