// The decisions of the page of registrations as the text of review.tsv.
const COLUMNS = ["sample", "decision", "result", "view_direction", "note"];

function opposite(direction) {
  return direction.split(",").map((number) => String(-Number(number) + 0)).join(",");
}

// A section that was turned over earlier keeps its view direction, whatever is decided now.
function reviewRow(section) {
  const { sample, result, normal, keptView, keptResult, decision } = section;
  const note = (section.note || "").replace(/["\s]+/g, " ").trim();
  if (decision === "other_face") {
    return [sample, decision, result, opposite(normal), note];
  }
  if (decision) {
    return [sample, decision, result, keptView, note];
  }
  return keptView ? [sample, "other_face", keptResult, keptView, note] : null;
}

function reviewText(sections) {
  const rows = sections.map(reviewRow).filter((row) => row !== null);
  return [COLUMNS, ...rows].map((row) => row.join("\t") + "\n").join("");
}

function readPage() {
  return [...document.querySelectorAll("fieldset")].map((box) => {
    const chosen = box.querySelector("input[type=radio]:checked");
    const note = box.querySelector("input[type=text]");
    return { ...box.dataset, decision: chosen ? chosen.value : "", note: note.value };
  });
}

function startPage() {
  const text = document.getElementById("review-text");
  const count = document.getElementById("review-count");
  let saved = "";
  const show = () => {
    const sections = readPage();
    text.value = reviewText(sections);
    const decided = sections.filter((section) => section.decision !== "").length;
    count.textContent = `${decided} of ${sections.length} sections decided`;
  };
  document.addEventListener("input", show);
  document.getElementById("review-save").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text.value], { type: "text/tab-separated-values" }));
    link.download = "review.tsv";
    link.click();
    saved = text.value;
  });
  window.addEventListener("beforeunload", (event) => {
    if (text.value !== saved) event.preventDefault();
  });
  show();
  saved = text.value;
}

if (typeof document === "undefined") {
  module.exports = { reviewText };
} else {
  startPage();
}
