"""Gates: may the run advance on what a phase has made, or must it go back?"""
