// Times in the viewer's own zone, and spans that count on. Without this script they stand in UTC.
(() => {
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const near = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
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

  // A time of day alone would be read as today's.
  const isNear = (at) => Math.abs(Date.now() - at) < 43200e3 || at.toDateString() === new Date().toDateString();

  const forms = {
    clock: (at) => (isNear(at) ? clock : near).format(at),
    full: (at) => full.format(at),
    ago: (at) => span((Date.now() - at) / 1000),
    until: (at) => span((at - Date.now()) / 1000),
  };
  const show = (element) => {
    const at = new Date(element.dateTime);
    const form = forms[element.dataset.form];
    if (!form || Number.isNaN(at.getTime())) return;
    const text = form(at);
    if (text !== element.textContent) element.textContent = text;
  };
  const showAll = (root) => root.querySelectorAll("time[data-form]").forEach(show);

  showAll(document);
  document.addEventListener("htmx:after:swap", () => showAll(document));
  document.addEventListener("bellbuoy:shown", (event) => showAll(event.target));
  setInterval(() => {
    if (!document.hidden) document.querySelectorAll('time[data-form="ago"], time[data-form="until"]').forEach(show);
  }, 1000);
})();
