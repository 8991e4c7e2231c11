// Runs before the first paint, so that a dark page does not flash.
try {
  const theme = JSON.parse(localStorage.getItem('chatire.settings') || '{}').theme
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // the system decides
}
