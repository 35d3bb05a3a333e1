// Times in the viewer's own zone. Without this script they stand there in UTC.
(() => {
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

  const units = [[86400, "d"], [3600, "h"], [60, "min"]];
  const span = (seconds) => {
    if (seconds < 60) return `${Math.max(Math.floor(seconds), 0)} s`;
    const at = units.findIndex(([size]) => seconds >= size);
    const [size, unit] = units[at];
    const whole = Math.floor(seconds / size);
    const smaller = units[at + 1];
    const rest = smaller ? Math.floor((seconds % size) / smaller[0]) : 0;
    return whole >= 10 || !rest ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${smaller[1]}`;
  };

  const show = (element) => {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) return;
    const form = element.dataset.form;
    if (form === "clock") element.textContent = clock.format(at);
    else if (form === "full") element.textContent = full.format(at);
    else if (form === "ago") element.textContent = span((Date.now() - at) / 1000);
  };
  const showAll = (root) => root.querySelectorAll("time[data-form]").forEach(show);

  showAll(document);
  document.addEventListener("htmx:after:swap", () => showAll(document));
  setInterval(() => document.querySelectorAll('time[data-form="ago"]').forEach(show), 1000);
})();
