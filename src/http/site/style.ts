// The looks of pages, light and dark; controls have theirs in style-controls.ts. Text has a contrast of 4.5:1 and more,
// edges of controls 3:1 (WCAG 2.2 AA); everything reflows down to 320 px.
export const style = `:root {
  color-scheme: light dark;
  --paper: #f5f1e8;
  --sheet: #fffdf8;
  --well: #f4efe4;
  --ink: #26221c;
  --soft: #655d50;
  --line: #e0d7c6;
  --edge: #8a8172;
  --accent: #1d6a4d;
  --accent-strong: #15523b;
  --on-accent: #fffdf8;
  --track: #ddd4c3;
  --bad: #9b2c1f;
  --bad-well: #fbebe6;
  --warn: #6f4a00;
  --warn-well: #fcefcf;
  --shadow: 0 1px 2px #3a2f1a14, 0 12px 32px -12px #3a2f1a29;
  --serif: ui-serif, 'Iowan Old Style', 'Palatino Linotype', Palatino, Charter, Georgia, serif;
  --sans: system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif;
  --mono: ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
}

@media (prefers-color-scheme: dark) {
  :root {
    --paper: #141311;
    --sheet: #1d1b18;
    --well: #161512;
    --ink: #ece6da;
    --soft: #a9a091;
    --line: #35312a;
    --edge: #7d7566;
    --accent: #84d1ae;
    --accent-strong: #a3e0c4;
    --on-accent: #10231a;
    --track: #3a362e;
    --bad: #ffab9c;
    --bad-well: #38201b;
    --warn: #f5cd7a;
    --warn-well: #332813;
    --shadow: 0 1px 2px #00000066, 0 16px 40px -16px #000000b3;
  }
}

@media (prefers-contrast: more) {
  :root {
    --soft: var(--ink);
    --line: var(--edge);
  }
}

*,
*::before,
*::after {
  box-sizing: border-box;
}

[hidden] {
  display: none !important;
}

html {
  background: var(--paper);
  color: var(--ink);
  font: 1rem/1.6 var(--sans);
  text-size-adjust: 100%;
  -webkit-text-size-adjust: 100%;
}

body {
  margin: 0;
  padding: clamp(0rem, 6vw - 1.5rem, 4rem) clamp(0rem, 6vw - 1.5rem, 2rem);
}

main {
  max-width: 46rem;
  margin: 0 auto;
  padding: clamp(1.25rem, 5vw, 3rem);
  background: var(--sheet);
  border: 1px solid var(--line);
  border-radius: 1rem;
  box-shadow: var(--shadow);
}

@media (max-width: 30rem) {
  main {
    min-height: 100vh;
    border-width: 0;
    border-radius: 0;
    box-shadow: none;
  }
}

h1,
h2,
p {
  margin: 0;
}

h1 {
  font: 600 clamp(1.6rem, 1.3rem + 1.5vw, 2.1rem)/1.2 var(--serif);
  letter-spacing: -0.01em;
  text-wrap: balance;
}

h2 {
  font: 600 1.15rem/1.4 var(--serif);
}

/* Focused by the script alone, to be read out. */
h1:focus {
  outline: none;
}

#done-title {
  display: flex;
  align-items: center;
  gap: 0.75rem;
}

#done-title::before {
  content: '✓';
  content: '✓' / '';
  flex: none;
  width: 2.25rem;
  border-radius: 50%;
  background: var(--accent);
  color: var(--on-accent);
  font: 700 1.25rem/2.25rem var(--sans);
  text-align: center;
}

a {
  color: var(--accent);
  text-underline-offset: 0.18em;
}

a:hover {
  color: var(--accent-strong);
  text-decoration-thickness: 2px;
}

:focus-visible {
  outline: 3px solid var(--accent);
  outline-offset: 2px;
  border-radius: 0.25rem;
}

code,
.code {
  font-family: var(--mono);
  font-size: 0.875em;
  overflow-wrap: anywhere;
}

.unseen {
  position: absolute;
  width: 1px;
  height: 1px;
  margin: -1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

.open {
  max-width: 46rem;
  margin: 0 auto 1rem;
  padding: 0.75rem 1.25rem;
  background: var(--warn-well);
  border: 1px solid var(--warn);
  border-radius: 0.75rem;
  color: var(--warn);
}

.open strong {
  display: block;
}

@media (max-width: 30rem) {
  .open {
    margin: 0;
    border-width: 0 0 1px;
    border-radius: 0;
  }
}

.title {
  display: flex;
  align-items: center;
  gap: 1rem;
}

.title img,
.brand img {
  flex: none;
}

.title p {
  color: var(--soft);
}

.brand a {
  display: inline-flex;
  align-items: center;
  gap: 0.6rem;
  min-height: 2.25rem;
  color: inherit;
  font: 600 1.15rem/1 var(--serif);
  text-decoration: none;
}

.brand {
  margin-bottom: 1.75rem;
}

.lead {
  margin: 1rem 0 0;
  text-wrap: pretty;
}

.steps {
  margin: 2rem 0 0;
  padding: 0;
  list-style: none;
  counter-reset: step;
}

.steps > li {
  position: relative;
  padding: 0 0 1.75rem 3rem;
  counter-increment: step;
}

.steps > li:last-child {
  padding-bottom: 0;
}

.steps > li::before {
  content: counter(step);
  position: absolute;
  inset-inline-start: 0;
  top: 0;
  width: 1.75rem;
  height: 1.75rem;
  border: 1px solid var(--accent);
  border-radius: 50%;
  color: var(--accent);
  font: 600 0.875rem/1.65rem var(--sans);
  text-align: center;
}

.steps > li:not(:last-child)::after {
  content: '';
  position: absolute;
  inset-inline-start: 0.875rem;
  top: 2.25rem;
  bottom: 0.5rem;
  border-inline-start: 1px solid var(--line);
}

.steps > li > p,
.note p {
  margin-top: 0.5rem;
}

.note .aside + p {
  margin-top: 1rem;
}

@media (max-width: 30rem) {
  .steps > li {
    padding-inline-start: 0;
  }

  .steps > li > h2 {
    padding-inline-start: 2.5rem;
  }

  .steps > li:not(:last-child)::after {
    content: none;
  }
}

.aside,
.hint {
  color: var(--soft);
  font-size: 0.875rem;
  line-height: 1.55;
}

.command {
  display: flex;
  align-items: flex-start;
  gap: 0.5rem;
  margin-top: 0.5rem;
  padding: 0.375rem 0.375rem 0.375rem 0.875rem;
  background: var(--well);
  border: 1px solid var(--line);
  border-radius: 0.5rem;
}

.command + .aside {
  margin-top: 0.5rem;
}

.whole {
  display: inline-block;
}

.command code {
  flex: 1;
  min-width: 0;
  padding: 0.25rem 0;
  line-height: 1.7;
  white-space: pre-wrap;
}

.note {
  margin-top: 2rem;
  padding-top: 1.5rem;
  border-top: 1px solid var(--line);
}

footer {
  margin-top: 2rem;
  padding-top: 1.25rem;
  border-top: 1px solid var(--line);
  color: var(--soft);
  font-size: 0.9375rem;
}
`
