// Where `view` serves the page: the cut at full resolution, laid over the face-on view when it rests.
const PLANES = document.body.dataset.planes;
let fineAsked = 0;

function hideFine() {
  fineAsked++;
  byId("fine").hidden = true;
}

function askFine() {
  if (!PLANES || S.layer > 1 || S.blend > 0) return;  // mixtures are drawn here alone
  const at = window_("face"), { w, h } = box("face"), mine = ++fineAsked, image = new Image();
  image.onload = () => {
    if (mine !== fineAsked) return;
    byId("fine").src = image.src;
    byId("fine").hidden = false;
  };
  image.src = `${PLANES}?origin=${at.first}&u=${S.u}&v=${S.v}&pixel_um=${at.width / w}&width=${w}&height=${h}` +
    (S.layer === 1 ? `&window=${META.ct_window}` : "");
}
