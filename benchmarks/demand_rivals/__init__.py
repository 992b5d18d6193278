"""The rivals demand forecasts are held against, each as good as its library makes it."""
