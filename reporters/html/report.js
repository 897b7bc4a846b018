/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Charts and filters. The page says everything without it; it makes markup of nothing. */
"use strict";
(function () {
	const root = document.documentElement;
	const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();

	/* Of <script type="application/json">, which holds numbers only. */
	const data = (id) => JSON.parse(document.getElementById(id).textContent);

	const seconds = (v) => v == null ? "" : v >= 100 ? v.toFixed(0) + " s" : v >= 1 ? v.toFixed(2) + " s" :
		(v * 1000).toFixed(v >= 0.1 ? 0 : v >= 0.01 ? 1 : 2) + " ms";

	/* Vertical lines where something happened. */
	function marks(rows) {
		return (u) => {
			const colours = [css("--faint"), css("--warn"), css("--fail"), css("--fail")];
			const c = u.ctx;

			c.save();
			c.setLineDash([]);
			c.beginPath();
			c.rect(u.bbox.left - 1, u.bbox.top, u.bbox.width + 2, u.bbox.height);
			c.clip();
			for (const [at, severity] of rows) {
				const x = Math.round(u.valToPos(at, "x", true));

				c.strokeStyle = colours[severity];
				c.lineWidth = severity > 1 ? 2 : 1;
				c.beginPath();
				c.moveTo(x, u.bbox.top);
				c.lineTo(x, u.bbox.top + u.bbox.height);
				c.stroke();
			}
			c.restore();
		};
	}

	/* There is no half of a cycle. */
	const whole = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((n) => n * 10 ** power));

	function axes(time, [from, to]) {
		const axis = {stroke: css("--faint"), grid: {stroke: css("--line"), width: 1}, ticks: {stroke: css("--line")}};

		const days = to - from > 86400;

		const clock = (u, all) => {
			const end = u.scales.x.max - u.scales.x.min < 600 ? 19 : 16;

			return all.map((at) => {
				const iso = new Date(at * 1e3).toISOString();

				return iso.slice(11, end) + (days ? "\n" + iso.slice(0, 10) : "");
			});
		};

		return [{...axis, label: time ? "time (UTC)" : "cycle", labelSize: 20, ...(time ? {values: clock, space: 80} : {incrs: whole})},
			{...axis, size: 70, values: (u, all) => all.map(seconds)}];
	}

	/* A sheet is narrower than most windows. */
	const sheet = 680;

	/* Of all of its points, the whole run: before the first and after the last there may be marks. */
	const ranged = (whole) => (u, min, max) =>
		min === u.data[0][0] && max === u.data[0][u.data[0].length - 1] ? whole : [min, max];

	/* x, least, mean, most */
	function draw(figure) {
		const box = figure.querySelector(".chart"), chart = data(box.dataset.of), time = chart.time === 1;
		const paper = root.classList.contains("paper");
		const base = chart.baseline || [], names = ["baseline p50", "baseline p95"], dashes = [[8, 4], [2, 4]];
		const line = (label, colour, more) => ({label, stroke: css(colour), width: 1, points: {show: false},
			value: (u, v) => seconds(v), ...more});

		return new uPlot({
			width: paper ? Math.min(sheet, box.clientWidth) : box.clientWidth, height: paper ? 180 : 220,
			tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), "Etc/UTC"),
			scales: {x: {time, range: ranged(chart.range)}},
			series: [{label: time ? "time" : "cycle",
				...(time ? {value: (u, v) => v == null ? "" : new Date(v * 1e3).toISOString()} : {})}, line("least", "--faint"), line("mean", "--mark", {width: 2}),
				line("most", "--warn"), ...base.map((at, i) => line(names[i], "--ink", {dash: dashes[i]}))],
			bands: [{series: [3, 1], fill: css("--mark") + "22"}],
			axes: axes(time, chart.range),
			cursor: {drag: {x: true, y: false}},
			hooks: {draw: [marks(chart.marks)]},
		}, [...chart.rows, ...base.map((at) => chart.rows[0].map(() => at))], box);
	}

	/* Those in view only: a run may have hundreds. */
	const plots = new Map();
	function show(figure) {
		const box = figure.querySelector(".chart");

		if (!plots.has(figure) && box.clientWidth > 0)
			plots.set(figure, draw(figure));
	}
	function again() {
		const drawn = [...plots.keys()];

		for (const plot of plots.values())
			plot.destroy();
		plots.clear();
		drawn.forEach(show);
	}
	const figures = document.querySelectorAll("figure[data-chart]");
	if ("IntersectionObserver" in window) {
		const watch = new IntersectionObserver((seen) => {
			for (const entry of seen)
				if (entry.isIntersecting)
					show(entry.target);
		}, {rootMargin: "300px"});
		figures.forEach((figure) => watch.observe(figure));
	} else {
		figures.forEach(show);
	}
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
	let late = 0;
	addEventListener("resize", () => { clearTimeout(late); late = setTimeout(again, 200); });
	let shut = [];
	addEventListener("beforeprint", () => {
		shut = [...document.querySelectorAll("details:not([open])")];
		shut.forEach((d) => { d.open = true; });
		root.classList.add("paper");
		again();
		figures.forEach(show);
	});
	addEventListener("afterprint", () => {
		shut.forEach((d) => { d.open = false; });
		root.classList.remove("paper");
		again();
	});

	/* Filters: a row is shown when it has the words, and at least the severity. */
	for (const form of document.querySelectorAll("form.filter")) {
		const rows = [...document.querySelectorAll(form.dataset.rows)];
		const texts = rows.map((row) => row.textContent.toLowerCase());
		const told = form.querySelector("output");
		const filter = () => {
			const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
			const least = form.elements.least ? Number(form.elements.least.value) : 0;
			let shown = 0;

			rows.forEach((row, i) => {
				const good = Number(row.dataset.severity || 3) >= least && words.every((w) => texts[i].includes(w));

				row.hidden = !good;
				shown += good;
			});
			told.value = shown + " of " + rows.length + " shown";
		};

		form.hidden = false;
		form.addEventListener("input", filter);
		form.addEventListener("submit", (event) => event.preventDefault());
		filter();
	}
})();
