// Start: the fallback picture stays if anything is missing.
async function main() {
  const start = performance.now();
  readState();
  await setUp();
  document.querySelector("main").hidden = document.querySelector("footer").hidden = false;
  makeButtons();
  listenToMouse();
  listenToKeys();
  addEventListener("resize", ask);
  addEventListener("hashchange", () => { readState(); ask(); });
  showState();
  draw(false);
  byId("fallback").hidden = true;
  document.body.dataset.ready = "yes";
  document.body.dataset.loaded = Math.round(performance.now() - start);
  ask();
}

function giveUp(error) {
  byId("reason").textContent = `The volume cannot be turned here: ${error.message || error}. This is a picture of it.`;
  byId("fallback").hidden = false;
  canvas.hidden = true;
  for (const name of ["main", "footer"]) document.querySelector(name).hidden = true;
  document.body.dataset.ready = "no";
}

canvas.addEventListener("webglcontextlost", (e) => { e.preventDefault(); giveUp("the graphics card was taken away; load the page again"); });
main().catch(giveUp);
