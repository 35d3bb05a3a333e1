// The lag of a vendor as a line. Without this script its median stands there in words.
(() => {
  const color = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();

  const draw = (place) => {
    const [times, seconds] = JSON.parse(place.dataset.points);
    if (times.length < 3 || !window.uPlot) return;
    const soft = color(place, "--soft"), line = color(place, "--line"), ink = color(place, "--maintenance");
    const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "11px Inter, system-ui, sans-serif" };
    const inMinutes = (_, values) => values.map((value) => value >= 60 || value <= -60 ? `${+(value / 60).toFixed(1)} min` : `${value} s`);
    const plot = new uPlot({
      width: place.clientWidth, height: 130, legend: { show: false }, cursor: { show: false },
      series: [{}, { stroke: ink, width: 1.6, points: { show: true, size: 4, fill: ink } }],
      axes: [{ ...axis, size: 40 }, { ...axis, size: 56, values: inMinutes }],
    }, [times, seconds], place);
    new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 130 })).observe(place);
  };

  const drawAll = () => document.querySelectorAll(".plot").forEach((place) => { place.replaceChildren(); draw(place); });
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
